"""Training the user's own objects: module, data sets or loaders, loss, optimizer, scheduler.

The same loop, checks, checkpoints, artifact and report as for pictures; only what the user made is
taken as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils.data import Subset

from lamplighter import beginning, own_outcome, run_folder
from lamplighter.artifact import Artifact
from lamplighter.checks.finding import Finding
from lamplighter.data.loader import is_dataset
from lamplighter.data.own import OwnSets
from lamplighter.errors import UsageError
from lamplighter.images.preprocess import Preprocess
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import keep_memory, seed_everything, training_device
from lamplighter.models.memory_format import FORMATS
from lamplighter.named import name_of
from lamplighter.own_parts import (
    Unpack,
    make_own_batches,
    make_own_optimizer,
    make_own_parts,
    make_own_schedule,
    network_for,
)
from lamplighter.proof import frame_of
from lamplighter.recipe import Recipe, make_recipe
from lamplighter.resumption import write_again
from lamplighter.run import Run
from lamplighter.run_folder import RunFolder
from lamplighter.sitting import finishing, sit
from lamplighter.tasks.task import TASKS, make_loss
from lamplighter.training.choose import default_name
from lamplighter.training.idle import idle_for_own, tell_idle
from lamplighter.training.parts import LossFunction
from lamplighter.training.resolve import resolve_own
from lamplighter.training.steppable import refuse_closure
from lamplighter.watching import watch_training


def fit(
    module: nn.Module,
    train: Any,
    val: Any = None,
    test: Any = None,
    *,
    loss: LossFunction | str = "auto",
    optimizer: Optimizer | str = "auto",
    schedule: LRScheduler | ReduceLROnPlateau | str = "auto",
    schedule_per: str = "auto",
    metrics: Mapping[str, Any] | None = None,
    task: str = "auto",
    classes: Sequence[str] = (),
    preprocess: Preprocess | None = None,
    unpack: Unpack | None = None,
    collate: Callable[[list[Any]], Any] | None = None,
    listener: Listener = SILENT,
    resume: RunFolder | str | Path | None = None,
    **settings: Any,
) -> Run:
    """Trains the user's own objects; the module holds the best epoch's weights afterwards.

    Args:
        module: any network.
        train: map-style or iterable `Dataset`, a list of examples, a `DataLoader`, or an iterable
            of batches. A batch is (inputs, targets), (…inputs, targets), or a dict with labels,
            label, targets, target or y, whose other entries go to the network by name, or its only
            tensor where the network has none of the names; anything else with `unpack`. Batches in a plain list are
            refused: DataLoader(batches, batch_size=None) says what they are.
        val: the same, to choose the best epoch by; None keeps the last epoch.
        test: the same, looked at once, at the end.
        loss: (outputs, targets) → 0-d tensor, the mean over the batch; or a name; by default cross
            entropy for class numbers, BCE with logits for several 0/1 floats, MSE for other floats.
        optimizer: over the module's parameters; or a torch name; by default AdamW. "Muon" is ours:
            weights of linear layers and plain 2-d convolutions move by Muon; the layer that was
            made last, as the head, and all else by SGD.
        schedule: a torch scheduler; or a name; by default constant.
        schedule_per: when `schedule` is stepped: "step", "epoch", or "auto" (OneCycleLR and
            CyclicLR per step, others per epoch).
        metrics: name → function of (all outputs, all targets), or a torchmetrics object.
        task: "classification", "multilabel", "regression", "own", or "auto" (by the targets).
        classes: names in the order of the outputs; by default the data set's `classes`.
        preprocess: what the data set does to a picture, so that the artifact can answer for files.
        unpack: batch → (inputs, targets).
        collate: examples → batch, for the loaders made here.
        listener: shows and says.
        resume: a run folder of an earlier, interrupted call with the same objects.
        settings: any setting of the recipe: epochs=2, batch=64, device="cpu", name="mine", …

    Raises:
        UsageError, DataError, ModelError: before anything is trained.
        AnswerIsNo: the checks found errors that were not allowed.
        RunFailed, Interrupted: the training could not go on, or was stopped; it can be resumed.
    """
    started = time.perf_counter()
    keep_memory()
    named = {
        key: value
        for key, value in (("loss", loss), ("optimizer", optimizer), ("schedule", schedule))
        if isinstance(value, str)
    }
    asked = make_recipe({"model": _named(module), **settings, **named})
    recipe = resolve_own(asked, listener, module)
    if resume is None:
        run_folder.refuse_early(Path(recipe.out), recipe.name)
    beginning.tell_processes(listener)
    own_outcome.refuse_empty({"train": train, "val": val, "test": test})
    device = training_device(recipe.device, repeatable=recipe.deterministic)
    seed_everything(recipe.seed)
    module.to(device)
    batches = {
        name: make_own_batches(
            given, recipe, device, unpack, collate, listener, shuffle=name == "train"
        )
        for name, given in (("train", train), ("val", val), ("test", test))
        if given is not None
    }
    names = tuple(map(str, classes)) or own_outcome.class_names(_dataset(train))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"two classes have one name: {', '.join(twice[:5])}",
            where="classes",
            fix="name them in the order of the outputs, each once: lamp.fit(…, classes=[…])",
        )
    kind = own_outcome.guess_task(batches["train"], loss) if task == "auto" else task
    if kind not in TASKS:
        raise UsageError(
            f"expected one of {', '.join(TASKS)}, got {kind!r}",
            where="task",
            fix="leave it out: the targets tell",
        )
    idle = idle_for_own(
        task=kind, loss=not isinstance(loss, str), optimizer=not isinstance(optimizer, str),
        schedule=not isinstance(schedule, str), loader=not is_dataset(train), resolved=recipe,
    )  # fmt: skip
    if resume is None:  # a run that goes on brings all its settings along
        tell_idle(idle, asked, listener)
    if isinstance(loss, str):
        loss = make_loss(recipe.loss, TASKS[kind], smoothing=recipe.smoothing)
    if isinstance(loss, nn.Module):
        loss.to(device)
    own_outcome.settle_lazy(module, batches["train"])
    if asked.memory_format != "auto":
        module.to(memory_format=FORMATS[recipe.memory_format])
    if isinstance(optimizer, str):
        optimizer = make_own_optimizer(module, recipe, device)
    refuse_closure(optimizer)
    moving = make_own_schedule(schedule, schedule_per, optimizer, batches["train"], recipe)
    parts = make_own_parts(
        module, TASKS[kind], loss, optimizer, moving, recipe, batches, device, metrics or {}
    )
    findings = _check(module, train, val, loss, optimizer, unpack, kind, recipe, listener)
    folder = _folder(resume, recipe, train)
    with folder.locked():
        if resume is None:
            beginning.write_beginning(folder, asked, recipe, {}, findings)
        elif (folder / run_folder.RECIPE).is_file():
            write_again(folder, asked, recipe, {})
        listener.say(
            f"training: {recipe.epochs} epochs, {type(optimizer).__name__} lr "
            f"{optimizer.param_groups[0]['lr']:g}, {parts.precision.name} on {device}, seed {recipe.seed}"
        )
        seen = watch_training(parts, recipe, listener)
        as_made = frame_of(module)
        session = sit(folder, parts, recipe, listener, resuming=resume is not None)
        artifact = Artifact(
            architecture=own_outcome.architecture_of(module, len(names) or 1),
            task=kind,
            classes=names if kind in ("classification", "multilabel") else (),
            preprocess=preprocess,
            data={"name": type(_dataset(train)).__name__, "fingerprint": ""},
            recipe={k: v for k, v in vars(recipe).items() if k not in ("out", "name")},
        )
        with finishing(folder, session, recipe):
            return own_outcome.finish_own(
                folder, session, artifact, batches, recipe, [*findings, *seen], started, listener,
                as_made,
            )  # fmt: skip


def train_own(
    recipe: Recipe,
    sets: OwnSets,
    listener: Listener,
    *,
    resume: RunFolder | None,
    started: float,
) -> Run:
    """`lamp train package.module:data --model package.module:Net`, where the data are tensors.

    Raises:
        UsageError: no network was named; nothing is known about the tensors that would choose one.
    """
    network = network_for(recipe, sets, listener)
    run = fit(
        network.module, sets.train, sets.val, sets.test,
        listener=listener, resume=resume, task=recipe.task,
        **{k: v for k, v in vars(recipe).items() if k not in ("task", "model")},
        model=recipe.model,
    )  # fmt: skip
    return replace(run, seconds=time.perf_counter() - started)


def check_own(recipe: Recipe, sets: OwnSets, listener: Listener) -> Any:
    """`lamp check package.module:data --model package.module:Net`, where the data are tensors."""
    from lamplighter.checks.check import check

    network = network_for(recipe, sets, listener)
    settled = resolve_own(recipe, module=network.module)
    optimizer = make_own_optimizer(network.module, settled, torch.device("cpu"))
    return check(
        network.module, sets.train, val=sets.val, optimizer=optimizer,
        level="fast" if recipe.checks == "fast" else "full",
    )  # fmt: skip


def _named(module: nn.Module) -> str:
    return name_of(type(module)).replace("<locals>.", "")


def _as_set(given: Any) -> Any:
    """A plain list of examples as a data set: the checks take a list for one of batches."""
    if not isinstance(given, list | tuple):
        return given
    return Subset(given, range(len(given)))  # type: ignore[arg-type]


def _dataset(given: Any) -> Any:
    return getattr(given, "dataset", given)


def _check(
    module: nn.Module,
    train: Any,
    val: Any,
    loss: LossFunction,
    optimizer: Optimizer,
    unpack: Unpack | None,
    kind: str,
    recipe: Recipe,
    listener: Listener,
) -> list[Finding]:
    """The checks on the user's objects, unless they are off; stops at errors not allowed."""
    if recipe.checks == "off":
        return []
    from lamplighter.checks.check import check

    # what can be gone over only once must not be used up by looking at it
    once = hasattr(train, "__iter__") and not hasattr(train, "__len__") and iter(train) is train
    report = check(
        module, None if once else _as_set(train), val=None if once else _as_set(val), loss=loss,
        optimizer=optimizer, task=None if kind == "own" else kind, unpack=unpack, level=recipe.checks,
    )  # fmt: skip
    return beginning.settle_findings(list(report), recipe, listener)


def _folder(resume: RunFolder | str | Path | None, recipe: Recipe, train: Any) -> RunFolder:
    if isinstance(resume, RunFolder):
        return resume
    if resume is not None:
        return run_folder.find(resume, Path(recipe.out))
    data = recipe.data or type(_dataset(train)).__name__
    name = recipe.name or default_name(data, recipe.model)
    return run_folder.create(Path(recipe.out), name, exact=recipe.name is not None)
