"""What the user's own objects imply, and what is left in the run folder after their training."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter import run_folder
from lamplighter.artifact import DIMENSIONS, Artifact, save_artifact
from lamplighter.checks.finding import Finding
from lamplighter.data.batches import Batch, Batches, default_unpack
from lamplighter.data.seeded import failed, key_of
from lamplighter.errors import DataError
from lamplighter.evaluation.measure import measure
from lamplighter.evaluation.outcome import Outcome, write_predictions
from lamplighter.evaluation.report import write_report
from lamplighter.finish import calibrate, close, summary
from lamplighter.listener import Listener
from lamplighter.machine import environment
from lamplighter.models.answers import main_output
from lamplighter.models.architecture import Architecture
from lamplighter.models.own import CLASS_ARGUMENTS
from lamplighter.models.shape import at_rest, has_lazy
from lamplighter.named import name_of
from lamplighter.predict import how_to_ask
from lamplighter.proof import forms_of, is_made_by_its_class, prove_with_instance
from lamplighter.recipe import Recipe
from lamplighter.run import Run
from lamplighter.run_folder import RunFolder
from lamplighter.sitting import best_of
from lamplighter.training.parts import Parts
from lamplighter.training.session import Session
from lamplighter.training.state_file import random_state, restore_random_state


def refuse_empty(sets: dict[str, Any]) -> None:
    """Says before the training which of the user's sets, by split, has nothing in it.

    Raises:
        DataError: there is one.
    """
    for split, given in sets.items():
        try:
            count = len(given)
        except (TypeError, NotImplementedError):  # none is given, or it does not know its length
            continue
        if count == 0:
            loader = hasattr(given, "batch_size")
            raise DataError(
                f"the {split} {'loader gives no batch' if loader else 'set is empty'}; expected a "
                f"{'batch' if loader else 'sample'} or more",
                where=split,
                fix="does drop_last leave out the only batch, or is its set empty?"
                if loader
                else "fill it" + ("" if split == "train" else ", or leave it out"),
            )


def _first_batch(train: Batches) -> Batch | None:
    """The first batch, if there is one; random numbers are put back after it."""
    state = random_state()
    try:
        return next(iter(train.epoch(1)), None)
    finally:
        restore_random_state(state)


def settle_lazy(module: nn.Module, train: Batches) -> None:
    """Lets lazy layers take their sizes from the first batch; random numbers are put back after it.

    An optimizer and the checks ask for sizes; other networks are not called.
    """
    if not has_lazy(module):
        return
    batch = _first_batch(train)
    if batch is not None:
        with at_rest(module):
            batch.call(module)


def guess_task(train: Batches, loss: Any) -> str:
    """The task that the first batch and the loss imply; random numbers are put back.

    Class numbers mean classification, 0/1 floats under a BCE loss several labels, other floats of
    the outputs' shape regression, and everything else "own", where only the loss is counted.

    Raises:
        DataError: the targets are no tensor, and no loss of the user's takes them as they are.
    """
    if isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss):
        return "classification"
    if isinstance(loss, nn.BCEWithLogitsLoss):
        return "multilabel"
    batch = _first_batch(train)
    targets = batch.targets if batch is not None else None
    if not isinstance(targets, Tensor):
        if isinstance(loss, str):
            raise _no_loss_for(targets)
        return "own"
    if not targets.is_floating_point():
        return "classification"
    unsaid = isinstance(loss, str)
    zero_one = bool(((targets == 0) | (targets == 1)).all())
    if unsaid and zero_one and targets.ndim == 2 and targets.shape[1] > 1:
        return "multilabel"
    module_gives = isinstance(loss, nn.MSELoss | nn.L1Loss | nn.HuberLoss | nn.SmoothL1Loss)
    return "regression" if unsaid or module_gives else "own"


def _no_loss_for(targets: Any) -> DataError:
    first = targets[0] if isinstance(targets, list | tuple) and targets else targets
    if isinstance(first, str):
        return DataError(
            f"the targets are texts, such as {first!r}; a loss takes numbers",
            where="the last item of a batch",
            fix="if they are the labels: return classes.index(label) in the data set; if they are paths or "
            "names: return (input, label) alone, or lamp.fit(…, unpack=lambda batch: (batch[0], batch[1]))",
        )
    return DataError(
        f"the targets are a {type(targets).__name__}, for which there is no usual loss",
        where="the last item of a batch",
        fix="pass loss=, which takes them, or unpack=, a function from your batch to (inputs, targets)",
    )


def count_outputs(train: Any) -> int:
    """How many outputs the user's data ask for: by `classes`, else `targets` or `labels`, else a
    look at every label once; for numbers as many as an example has."""
    dataset = getattr(train, "dataset", train)
    if names := class_names(dataset):
        return len(names)
    for name in ("targets", "labels"):
        found = getattr(dataset, name, None)
        if found is not None and len(found):
            return _outputs_for(torch.as_tensor(found))
    tensors = getattr(dataset, "tensors", None)
    if tensors:
        return _outputs_for(tensors[-1])
    if not hasattr(dataset, "__len__"):
        return 1
    labels = [_label(dataset, i) for i in range(len(dataset))]
    return _outputs_for(torch.stack([torch.as_tensor(label) for label in labels]))


def _outputs_for(targets: Tensor) -> int:
    """As many as there are class numbers, or numbers in each example's target."""
    if not targets.is_floating_point():
        return int(targets.max()) + 1
    return int(targets.shape[-1]) if targets.ndim > 1 else 1


def class_names(dataset: Any) -> tuple[str, ...]:
    """What a data set calls its classes, if it says so; a mere number of them says nothing."""
    named = getattr(dataset, "classes", None)
    return tuple(str(name) for name in named) if isinstance(named, list | tuple) else ()


def _label(dataset: Any, index: int) -> Any:
    try:
        example = dataset[index]
    except Exception as error:
        name = type(dataset).__name__
        fault = failed(f"example {index} of {name}", error, key_of(dataset, index))
        raise fault.raised() from error
    _, label = default_unpack(example)  # as a batch of them will be read
    if isinstance(label, str):
        raise _no_loss_for(label)
    return label


def architecture_of(module: nn.Module, outputs: int) -> Architecture:
    """The user's own class by its import path, and whether it can be called again."""
    name = name_of(type(module)).replace("<locals>.", "")
    called = "as it is"
    try:
        signature = inspect.signature(type(module))
        argument = next((a for a in CLASS_ARGUMENTS if a in signature.parameters), None)
        signature.bind(**({argument: outputs} if argument else {}))
        called = argument or "nothing"
    except (TypeError, ValueError):
        pass  # it needs more than that: it is loaded with an instance
    return Architecture("own", name, outputs, 3, {"called_with": called})


def finish_own(
    folder: RunFolder,
    session: Session,
    artifact: Artifact,
    batches: Mapping[str, Batches],
    recipe: Recipe,
    findings: Sequence[Finding],
    started: float,
    listener: Listener,
    as_made: nn.Module | None = None,
) -> Run:
    """Best weights, artifact, figures, predictions and report.

    Args:
        as_made: the network as it was before the training but for its state (see `frame_of`).
    """
    parts = session.parts
    best = session.best_state()
    if best is not None:
        parts.module.load_state_dict(best)
    artifact = fitted_to(artifact, parts, listener)
    outcomes = {
        split: outcome
        for split in ("val", "test")
        if split in batches
        and (outcome := outcome_over(parts.module, batches[split], split, artifact, parts.loss))
    }
    if not artifact.classes and outcomes and artifact.task == "classification":
        first = next(iter(outcomes.values()))
        artifact = replace(
            artifact,
            classes=first.classes,
            architecture=replace(artifact.architecture, outputs=len(first.classes)),
        )
    artifact, temperature, threshold = calibrate(artifact, outcomes.get("val"))
    measures = {s: measure(o, temperature=artifact.temperature) for s, o in outcomes.items()}
    figures = {split: summary(m.as_json()) for split, m in measures.items()}
    facts = environment(recipe.seed, recipe.device)
    versions = {k: facts[k] for k in ("python", "torch", "torchvision", "pillow", "lamplighter")}
    artifact = replace(artifact, metrics={"best": best_of(session), **figures}, versions=versions)
    use = how_to_ask(artifact, str(folder))
    save_artifact(folder / run_folder.ARTIFACT, artifact, parts.module)
    reported = "test" if "test" in outcomes else "val" if "val" in outcomes else None
    if reported:
        write_predictions(
            outcomes[reported], folder / run_folder.PREDICTIONS, temperature=artifact.temperature
        )
        report = write_report(
            folder.path,
            name=folder.name,
            measures=measures[reported],
            val_measures=measures.get("val") if reported == "test" else None,
            outcome=outcomes[reported],
            rows=folder.metrics(),
            findings=findings,
            recipe={k: v for k, v in vars(recipe).items() if v is not None},
            environment=folder.read_json(run_folder.ENVIRONMENT) or {},
            temperature=temperature,
            threshold=threshold,
            use=use,
        )
        listener.say(report.verdict)
    folder.write_json(run_folder.FINDINGS, [finding.as_json() for finding in findings])
    prove_with_instance(folder / run_folder.ARTIFACT, parts, as_made)
    test = measures["test"].as_json() if "test" in measures else None
    own = lambda: copy.deepcopy(parts.module)  # noqa: E731 a fresh copy for each load
    return close(
        folder,
        session,
        findings,
        started,
        test,
        figures.get(reported or "", {}),
        recipe,
        use,
        own,
    )


def fitted_to(artifact: Artifact, parts: Parts, listener: Listener) -> Artifact:
    """The artifact with a class for each output, the form of an example, and how to make the network.

    Args:
        artifact: its classes are those that the data set names, which need not be all.
        parts: of the training.
        listener: hears which outputs have no name of their own.
    """
    dimensions, outputs = forms_of(parts)
    if dimensions is not None:
        artifact = replace(artifact, data={**artifact.data, DIMENSIONS: dimensions})
    if outputs is not None:
        network = replace(artifact.architecture, outputs=outputs)
        artifact = replace(artifact, architecture=network)
    if artifact.classes and artifact.task == "classification":
        named = artifact.classes
        if outputs is not None and outputs != len(named):
            listener.warn(
                f"the network gives {outputs} outputs and the data set names {len(named)} classes: "
                + ("outputs without a name are called by their number" if outputs > len(named)
                   else "the last names stand for no output")
            )  # fmt: skip
            more = (str(number) for number in range(len(named), outputs))
            artifact = replace(artifact, classes=(*named[:outputs], *more))
    if not is_made_by_its_class(parts, artifact.architecture):
        network = replace(artifact.architecture, options={"called_with": "as it is"})
        artifact = replace(artifact, architecture=network)
    return artifact


def outcome_over(
    module: nn.Module, batches: Batches, split: str, artifact: Artifact, loss: Any
) -> Outcome | None:
    """The outcome of plain classification, several labels or regression; None for other shapes."""
    if artifact.task == "own":
        return None
    outputs: list[Tensor] = []
    targets: list[Tensor] = []
    total, count = 0.0, 0
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            for batch in batches.epoch(1):
                given = main_output(batch.call(module))
                if not isinstance(given, Tensor) or not isinstance(batch.targets, Tensor):
                    return None
                outputs.append(given.float().cpu())
                targets.append(batch.targets.cpu())
                total += float(loss(given, batch.targets)) * batch.size
                count += batch.size
    finally:
        module.train(was_training)
    if not outputs:
        raise DataError(f"the {split} data gave no batches", fix="is the loader used up?")
    return _as_outcome(torch.cat(outputs), torch.cat(targets), split, artifact, total / count)


def _as_outcome(
    logits: Tensor, targets: Tensor, split: str, artifact: Artifact, loss: float
) -> Outcome | None:
    task, n = artifact.task, len(targets)
    keys = tuple(f"{split}/{i}" for i in range(n))
    labels = targets.numpy()
    classes = artifact.classes
    if task == "classification":
        if logits.ndim != 2 or targets.ndim != 1:
            return None
        classes = classes or tuple(str(k) for k in range(logits.shape[1]))
    elif task == "multilabel":
        if logits.ndim != 2 or logits.shape != targets.shape:
            return None
        classes = classes or tuple(str(k) for k in range(logits.shape[1]))
        labels = labels.astype("uint8")
    else:
        logits = logits.reshape(n, -1)
        labels = labels.reshape(n, -1)
    return Outcome(keys, keys, labels, logits.numpy(), classes, split, task, (), loss)
