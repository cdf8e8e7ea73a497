"""The network as others will call it: decoded pictures in, probabilities out, nothing to forget."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.artifact import Artifact
from lamplighter.errors import ModelError, UsageError
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.answers import main_output
from lamplighter.models.copying import copied
from lamplighter.version import __version__

FORMAT = 1
INPUT = "pictures"
OUTPUTS = {"classification": "probabilities", "multilabel": "probabilities", "regression": "values"}


class Deployed(nn.Module):
    """Preprocessing, network and probabilities in one module.

    Args:
        network: gives logits [B, K] for normalised pictures.
        preprocess: how they are normalised.
        task: "classification" (softmax), "multilabel" (sigmoid) or "regression" (as it is).
        temperature: logits are divided by it.
        contiguous: whether the network takes planes in PyTorch's usual format only; elsewhere they
            lie as the pictures do, with their channels last.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        network: nn.Module,
        preprocess: Preprocess,
        task: str,
        temperature: float = 1.0,
        *,
        contiguous: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        self.task = task
        self.temperature = temperature
        self.contiguous = contiguous
        scale, shift = preprocess.scale_and_shift(torch.device("cpu"))
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 [B, S, S, C] → float32 [B, K]."""
        images_BCHW = pictures.permute(0, 3, 1, 2).to(torch.float32) * self.scale + self.shift
        if self.contiguous:
            images_BCHW = images_BCHW.contiguous()
        outputs: Tensor = main_output(self.network(images_BCHW))
        if self.task == "classification":
            return (outputs / self.temperature).softmax(dim=1)
        if self.task == "multilabel":
            return (outputs / self.temperature).sigmoid()
        return outputs.reshape(outputs.shape[0], -1)


def deploy(module: nn.Module, artifact: Artifact) -> Deployed:
    """A copy of the network, on the CPU and in evaluation mode, wrapped.

    Raises:
        UsageError: it was trained on the user's own tensors or for an own task, so that only
            their code knows what goes in and what comes out.
    """
    if artifact.preprocess is None or artifact.task not in OUTPUTS:
        raise UsageError(
            "this network was trained on your own tensors, so only your code knows how a picture "
            "becomes its input; expected a model that was trained on pictures",
            where=artifact.architecture.name,
            fix="export its module yourself: torch.onnx.export(lamp.load(PATH).module, (example,), FILE)",
        )
    # one layout for all weights: the archives store what lies in memory
    network = copied(module).cpu().to(memory_format=torch.contiguous_format)
    deployed = Deployed(
        network, artifact.preprocess, artifact.task, artifact.temperature,
        contiguous=artifact.recipe.get("memory_format") == "contiguous",
    )  # fmt: skip
    return deployed.eval().requires_grad_(False)


def describe(artifact: Artifact) -> str:
    """What travels in the file beside the network, as JSON (key `lamplighter`)."""
    assert artifact.preprocess is not None
    document = {
        "format": FORMAT,
        "lamplighter": __version__,
        "task": artifact.task,
        "classes": list(artifact.classes),
        "temperature": artifact.temperature,
        "unsure_below": artifact.unsure_below,
        "preprocess": artifact.preprocess.as_json(),
        "input": f"{INPUT}: uint8 [batch, {artifact.preprocess.size}, {artifact.preprocess.size}, "
        f"{artifact.preprocess.channels}]",
        "network": artifact.architecture.name,
    }
    return json.dumps(document, sort_keys=True)


def trace(deployed: Deployed, preprocess: Preprocess) -> Any:
    """The module as a graph with a free batch dimension: a torch.export.ExportedProgram.

    Raises:
        ModelError: something in the network cannot be written down as a graph; the first reason.
    """
    example = torch.zeros(
        2, preprocess.size, preprocess.size, preprocess.channels, dtype=torch.uint8
    )
    try:
        with torch.no_grad():
            program = torch.export.export(
                deployed, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},)
            )
    except Exception as error:  # torch's tracer raises whatever the network's own code raises
        raise ModelError(
            f"the network cannot be written as a graph: {first_line(error)}",
            where=type(deployed.network).__name__,
            fix="in its forward(): no branches on values, no item(), no shapes tied to one batch size",
        ) from error
    for node in program.graph.nodes:
        # paths of the machine that trained are nobody's business
        node.meta.pop("stack_trace", None)
    return program


def first_line(error: BaseException) -> str:
    """What a foreign exception says first, in one line of bearable length."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0] if lines else ''}"
    return text if len(text) <= 240 else text[:237] + "..."
