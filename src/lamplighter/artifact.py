"""The one file that a training leaves: weights, how to build the network, classes, preprocessing.

A `.safetensors` file whose header metadata holds a JSON document under `lamplighter`; its `sha256` is
over the rest of the document and all tensors. The header has that one key only: with two, the format's
library writes them in an order of its own, and equal trainings would not give equal files. Reading it runs no code and imports nothing that
it names; the whole file is read into memory, so that cutting it off later cannot kill a server.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from lamplighter.errors import ArtifactError, ModelError
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.architecture import Architecture
from lamplighter.models.build import rebuild
from lamplighter.run_folder import write_atomically
from lamplighter.version import __version__

FORMAT = 1
DOCUMENT, SHA256 = "lamplighter", "sha256"
COPY_AGAIN = "copy it again from where it was made"
DIMENSIONS = (
    "example_dimensions"  # in `Artifact.data`: of one example, where the inputs are a tensor
)
TASKS = ("classification", "multilabel", "regression", "own")


@dataclass(frozen=True)
class Artifact:
    """What the file says besides the weights.

    Args:
        architecture: how to build the network again.
        task: "classification", "multilabel", "regression" or "own".
        classes: names in the order of the outputs; empty where there are none.
        preprocess: from a picture to the network's input; None when the network was trained on the
            user's own tensors, which only their code can make.
        metrics: figures of the best epoch and of the test.
        data: name and fingerprint of what it was trained on.
        recipe: the settings, resolved.
        temperature: logits are divided by it before they become probabilities.
        unsure_below: answers less probable than this are called unsure; 0 is never.
        versions: of Python, torch and the rest, when it was made.
    """

    architecture: Architecture
    task: str
    classes: tuple[str, ...]
    preprocess: Preprocess | None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    unsure_below: float = 0.0
    versions: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The document of the header."""
        return {
            "format": FORMAT,
            "lamplighter": __version__,
            "architecture": self.architecture.as_json(),
            "task": self.task,
            "classes": list(self.classes),
            "preprocess": self.preprocess.as_json() if self.preprocess else None,
            "metrics": dict(self.metrics),
            "data": dict(self.data),
            "recipe": dict(self.recipe),
            "temperature": self.temperature,
            "unsure_below": self.unsure_below,
            "versions": dict(self.versions),
        }


def save_artifact(path: Path, artifact: Artifact, module: nn.Module) -> None:
    """Writes the file, whole or not at all.

    Raises:
        ModelError: the module's state holds something that is no tensor.
        RunFailed: the file cannot be written; an older one is untouched.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in module.state_dict().items():
        if not isinstance(value, Tensor):
            raise ModelError(
                f"its state {name!r} is a {type(value).__name__}, and an artifact holds tensors only",
                where=type(module).__name__,
                fix="keep it as a buffer: self.register_buffer(name, tensor)",
            )
        # a copy of its own for each name: tied weights share memory, which the format refuses
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
    document = json.loads(json.dumps(artifact.as_json(), default=str))
    document[SHA256] = content_hash(document, tensors)
    text = json.dumps(document, sort_keys=True)
    write_atomically(path, save_tensors(tensors, {DOCUMENT: text}))


def read_artifact(path: Path) -> tuple[Artifact, dict[str, Tensor]]:
    """Reads and verifies a file.

    Returns:
        (what it says, its tensors on the CPU).

    Raises:
        ArtifactError: not there, not ours, of a later format, cut off or changed.
    """
    content = _read(path)
    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header.get("__metadata__", {})
        tensors = load_tensors(content)
    except (SafetensorError, ValueError, RecursionError, AttributeError, KeyError) as error:
        unlike = isinstance(error, ValueError)  # what a decoder says of bytes that are no text
        raise ArtifactError(
            "this is no whole safetensors file: "
            + ("it does not begin with a header in JSON" if unlike else _short(error)),
            where=path,
            fix=f"lamp doctor {path} says what it is",
        ) from error
    if not isinstance(metadata, dict) or DOCUMENT not in metadata:
        raise ArtifactError(
            "this safetensors file holds weights alone; expected a model that Lamplighter saved",
            where=path,
            fix=f"to train from it: lamp train DATA --model NAME --weights {path}",
        )
    document = _document(metadata[DOCUMENT], path)
    if document.pop(SHA256, None) != content_hash(document, tensors):
        raise ArtifactError(
            "the content does not match its SHA-256: the file was damaged or changed after saving",
            where=path,
            fix=COPY_AGAIN,
        )
    return parse_document(document, path), tensors


def _document(text: str, path: Path) -> dict[str, Any]:
    """The header's document; its format is looked at before anything else in it.

    Raises:
        ArtifactError: no JSON object, or of a format that this version does not read.
    """
    try:
        document = json.loads(text)
        format_ = document["format"]
        json.dumps(document)  # what can be read can be hashed, however deeply it is nested
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(
            f"its description cannot be read: {type(error).__name__}: {_short(error)}",
            where=path,
            fix=COPY_AGAIN,
        ) from error
    if isinstance(format_, bool) or not isinstance(format_, int) or not 1 <= format_ <= FORMAT:
        raise ArtifactError(
            f"it has format {_cut(format_)}, written by Lamplighter {_cut(document.get('lamplighter', '?'))}; "
            f"this is Lamplighter {__version__}, which reads format {FORMAT}",
            where=path,
            fix="pip install --upgrade lamplighter",
        )
    return dict(document)


def parse_document(document: Mapping[str, Any], path: Path) -> Artifact:
    """The header's document, read strictly.

    Raises:
        ArtifactError: not what this format holds.
    """
    try:
        preprocess = document["preprocess"]
        if not isinstance(document["classes"], list):
            raise TypeError("the classes are no list")
        artifact = Artifact(
            architecture=Architecture.from_json(document["architecture"]),
            task=document["task"],
            classes=tuple(document["classes"]),
            preprocess=Preprocess.from_json(preprocess) if preprocess is not None else None,
            metrics=dict(document["metrics"]),
            data=dict(document["data"]),
            recipe=dict(document["recipe"]),
            temperature=float(document["temperature"]),
            unsure_below=float(document["unsure_below"]),
            versions=dict(document["versions"]),
        )
    except ArtifactError as error:
        error.where = error.where if str(path) in error.where else f"{path} {error.where}".strip()
        error.fix = error.fix or COPY_AGAIN
        raise
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ArtifactError(
            f"its description cannot be read: {type(error).__name__}: {_short(error)}",
            where=path,
            fix=COPY_AGAIN,
        ) from error
    fault = _contradiction(artifact)
    if fault:
        raise ArtifactError(
            f"its description contradicts itself: {fault}", where=path, fix=COPY_AGAIN
        )
    return artifact


def _contradiction(artifact: Artifact) -> str:
    """What in the description cannot be, or an empty text."""
    classes, network = artifact.classes, artifact.architecture
    if artifact.task not in TASKS:
        return f"there is no task {_cut(artifact.task)}"
    if not all(isinstance(name, str) for name in classes):
        return "the classes are no texts"
    if len(set(classes)) != len(classes):
        return "two classes have one name"
    if classes and len(classes) != network.outputs:
        return f"{len(classes)} classes for {network.outputs} outputs"
    sees = artifact.preprocess.channels if artifact.preprocess else network.channels
    if sees != network.channels and network.source != "own":
        return f"pictures of {sees} channels for a network of {network.channels}"
    if not 1e-6 < artifact.temperature < 1e6:
        return f"a temperature of {artifact.temperature}"
    if not 0 <= artifact.unsure_below <= 1:
        return f"unsure below {artifact.unsure_below}"
    return ""


def load_module(path: Path, own: Any = None) -> tuple[Artifact, nn.Module]:
    """The network with its weights, in evaluation mode on the CPU, and what the file says.

    Args:
        path: the file.
        own: for a network of the user's own class: the class, function or instance.

    Raises:
        ArtifactError: see `read_artifact`; also weights that do not fit the description.
        ModelError: the user's own class is not at hand.
    """
    artifact, tensors = read_artifact(path)
    module = rebuild(artifact.architecture, own)
    fault = ""
    try:
        told = module.load_state_dict(tensors, strict=False, assign=False)
        if told.missing_keys or told.unexpected_keys:
            fault = f"missing {told.missing_keys[:3]}, unexpected {told.unexpected_keys[:3]}"
    except RuntimeError as error:
        fault = _short(error)
    if fault:
        raise ArtifactError(
            f"its weights do not fit the network that it describes ({artifact.architecture.name}): {fault}",
            where=path,
            fix="was the class changed since? load it with the class as it was",
        )
    return artifact, module.eval()


def content_hash(document: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (hex) over the document and each tensor's name, dtype, shape and bytes."""
    hasher = hashlib.sha256(json.dumps(document, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        hasher.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        hasher.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return hasher.hexdigest()


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(
            "there is no such file; expected a model that Lamplighter saved (model.safetensors)",
            where=path,
            fix="lamp runs shows the runs and their models",
        ) from None
    except OSError as error:
        raise ArtifactError(
            f"cannot be read: {error.strerror or error}",
            where=path,
            fix="lamp runs shows the runs and their models",
        ) from error
    if not content:
        raise ArtifactError(
            "the file is empty (0 bytes); expected a model that Lamplighter saved",
            where=path,
            fix=COPY_AGAIN,
        )
    return content


def _cut(value: object) -> str:
    return _short(ascii(value))


def _short(error: object) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:197] + "..."
