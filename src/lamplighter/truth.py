"""From a model and a split to its outcome, figures and report."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from lamplighter import run_folder
from lamplighter.checks.finding import Finding
from lamplighter.data.batches import PictureBatches
from lamplighter.data.example import Collection, Example, usual_split
from lamplighter.errors import DataError
from lamplighter.evaluation.calibration import kept_calibration
from lamplighter.evaluation.gallery import Explain
from lamplighter.evaluation.heatmap import explain, overlay
from lamplighter.evaluation.outcome import Outcome
from lamplighter.evaluation.report import write_report
from lamplighter.images.decode import to_mode
from lamplighter.listener import SILENT, Listener
from lamplighter.predict import Model, how_to_ask
from lamplighter.run_folder import RunFolder
from lamplighter.training.pictures import Reader, UnreadablePictures, make_batches, without

THUMBNAIL = 160
HEAT_FROM = 32  # pixels; below, a heat map shows nothing that the picture does not
HEAT_SECONDS = 20.0
HEAT_PIXELS = 1 << 18  # of pictures explained together: every layer's maps are held for them


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found: the model, the data it was judged on, the figures, the answers.

    Args:
        folder: the model's run, where it has one.
        counts: class → training pictures, where the run's own data were evaluated.
        looks: how often this split has been evaluated on, this time included.
        findings: of the run's checks, where its own data were evaluated.
    """

    model: Any
    collection: Any
    measures: Any
    outcome: Any
    folder: RunFolder | None = None
    counts: Mapping[str, int] | None = None
    looks: int = 1
    findings: tuple[Finding, ...] = ()

    def write_page(self, html: Path, *, model_text: str) -> None:
        """Writes the report as a page, and its JSON beside it."""
        pictures = self.collection is not None
        run, own_data = self.folder, self.counts is not None
        known = run.read_json(run_folder.REPORT) if run else None
        temperature, threshold = kept_calibration(known, self.model.artifact.temperature)
        write_report(
            html.parent,
            name=html.stem,
            measures=self.measures,
            outcome=self.outcome,
            rows=run.metrics() if run and own_data else (),
            findings=self.findings,
            train_counts=self.counts,
            recipe=self.model.artifact.recipe,
            environment=run.read_json(run_folder.ENVIRONMENT) if run else None,
            thumbnails=thumbnails(self.collection) if pictures else None,
            explanations=heat_maps(self.model, self.collection) if pictures else None,
            temperature=temperature,
            threshold=threshold,
            looks=self.looks,
            use=how_to_ask(self.model.artifact, str(run or model_text)),
            html=html,
        )


def outcome_of(
    model: Model,
    collection: Collection,
    split: str,
    reader: Reader,
    *,
    skip_unreadable: bool = False,
    loss: Callable[[Any, Any], torch.Tensor] | None = None,
    listener: Listener = SILENT,
) -> Outcome:
    """What the model answers for every picture of a split, each once.

    Args:
        model: answers.
        collection: its classes are the model's (see `align_to`).
        split: one of the collection's.
        reader: decodes.
        skip_unreadable: go on without pictures that cannot be read; they are named in the outcome.
        loss: the loss of the training, to be reported as a mean over examples.

    Raises:
        UnreadablePictures: some cannot be read, and that is not to be skipped.
        DataError: the split is not there.
    """
    if not collection.splits.get(split):
        raise DataError(
            f"there is no {split} split; there are {', '.join(collection.splits)}",
            where=collection.source.name,
            fix=f"--split {usual_split(collection.splits)}",
        )
    preprocess = model.artifact.preprocess
    assert preprocess is not None
    unreadable: tuple[str, ...] = ()
    try:
        pixels = reader.pixels(collection.splits[split], preprocess)
    except UnreadablePictures as fault:
        if not skip_unreadable:
            raise
        unreadable = tuple(fault.keys)
        collection = without(collection, fault.keys, only=split)
        pixels = reader.pixels(collection.splits[split], preprocess)
    examples = collection.splits[split]
    batches = make_batches(
        collection, split, pixels, preprocess, model.device, memory_format=model.memory_format
    )
    logits, mean_loss = run_over(
        model, batches, loss, listener=listener, what=f"evaluating {split}"
    )
    targets = batches.targets.cpu().numpy()
    return Outcome(
        keys=tuple(example.key for example in examples),
        paths=tuple(str(example.path or example.key) for example in examples),
        labels=targets.astype("uint8") if collection.task == "multilabel" else targets,
        logits=logits.numpy(),
        classes=collection.classes,
        split=split,
        task=collection.task,
        unreadable=unreadable,
        loss=mean_loss,
    )


def run_over(
    model: Model,
    batches: PictureBatches,
    loss: Callable[[Any, Any], torch.Tensor] | None = None,
    *,
    listener: Listener = SILENT,
    what: str = "evaluating",
) -> tuple[torch.Tensor, float | None]:
    """The model's outputs over all batches: (float32 [N, K] on the CPU, mean loss or None)."""
    found: list[torch.Tensor] = []
    total, count = 0.0, 0
    with torch.inference_mode(), listener.bar(what, batches.steps()) as bar:
        for batch in bar.over(batches.epoch(1)):
            outputs = model.outputs(batch.inputs)
            found.append(outputs)
            count += batch.size
            if loss is not None:
                total += float(loss(outputs.to(model.device), batch.targets)) * batch.size
    return torch.cat(found), (total / count if loss is not None and count else None)


def align_to(model: Model, collection: Collection) -> Collection:
    """The collection with the model's classes, matched by name.

    Raises:
        DataError: the task differs, or the data hold classes that the model does not know.
    """
    from dataclasses import replace

    if collection.task != model.artifact.task:
        raise DataError(
            f"the data are for {collection.task}, the model is for {model.artifact.task}",
            where=collection.source.name,
            fix="name data with labels of that kind",
        )
    if model.artifact.task == "regression":
        return collection
    unknown = [name for name in collection.classes if name not in model.classes]
    if unknown:
        told = ", ".join(repr(name) for name in unknown[:5]) + (" …" if len(unknown) > 5 else "")
        known = ", ".join(model.classes[:8]) + (" …" if len(model.classes) > 8 else "")
        raise DataError(
            f"the data hold {len(unknown)} classes that the model does not know: {told}; it knows {known}",
            where=collection.source.name,
            fix="rename the folders or labels to the model's names, or leave those pictures out",
        )
    return replace(collection, classes=model.classes)


def train_counts(collection: Collection) -> dict[str, int]:
    """Class → training pictures."""
    if collection.task == "regression":
        return {}
    counts: Counter[str] = Counter()
    for label in collection.labels("train"):
        counts.update(label if isinstance(label, tuple) else [str(label)])
    return dict(counts)


def thumbnails(collection: Collection) -> Callable[[str], bytes | None]:
    """A function from a key to a small JPEG of its picture, None where it cannot be read."""
    by_key = _examples_by_key(collection)

    def thumbnail(key: str) -> bytes | None:
        example = by_key.get(key)
        if example is None:
            return None
        try:
            image = to_mode(collection.source.open(example, draft=(THUMBNAIL, THUMBNAIL)), 3)
        except DataError:
            return None
        return thumbnail_of(image)

    return thumbnail


def heat_maps(
    model: Model, collection: Collection, *, seconds: float = HEAT_SECONDS
) -> Explain | None:
    """A function from keys to JPEGs that show where the network looked for its answers.

    After `seconds` of work it answers None: a report must not cost more than the training's end
    can bear. None instead of a function where pictures are too small to show anything.
    """
    preprocess = model.artifact.preprocess
    if preprocess is None or preprocess.size < HEAT_FROM or collection.task == "regression":
        return None
    by_key = _examples_by_key(collection)
    at_once = max(1, HEAT_PIXELS // preprocess.size**2)
    spent = 0.0

    def squares(keys: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        found = {}
        for key in keys:
            with suppress(DataError, KeyError):
                opened = collection.source.open(by_key[key], draft=preprocess.smallest_useful())
                found[key] = preprocess.square(opened)
        return found

    def drawn(keys: Sequence[str]) -> dict[str, bytes]:
        seen = squares(keys)
        if not seen:
            return {}
        pixels = torch.from_numpy(np.stack(list(seen.values()))).permute(0, 3, 1, 2)
        # whatever a network does when gradients are asked of it, the report is worth more than these
        with suppress(Exception):
            heat, _ = explain(model.module, model.ready(pixels))
            laid = zip(seen.items(), heat, strict=True)
            return {key: overlay(Image.fromarray(s.squeeze()), h) for (key, s), h in laid}
        return {}

    def maps(keys: Sequence[str]) -> list[bytes | None]:
        nonlocal spent
        found: dict[str, bytes] = {}
        for start in range(0, len(keys), at_once):
            if spent > seconds:
                break
            began = time.perf_counter()
            found |= drawn(keys[start : start + at_once])
            spent += time.perf_counter() - began
        return [found.get(key) for key in keys]

    return maps


def _examples_by_key(collection: Collection) -> Mapping[str, Example]:
    return {e.key: e for examples in collection.splits.values() for e in examples}


def thumbnail_of(image: Image.Image) -> bytes:
    """A small JPEG of an RGB picture."""
    if max(image.size) > THUMBNAIL:
        image.thumbnail((THUMBNAIL, THUMBNAIL))
    target = io.BytesIO()
    image.save(target, "JPEG", quality=80)
    return target.getvalue()
