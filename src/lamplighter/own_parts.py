"""The loop's parts from the user's own objects: batches, optimizer, schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from lamplighter import own_outcome
from lamplighter.data.batches import Batches, LoaderBatches
from lamplighter.data.loader import make_loader
from lamplighter.data.own import OwnSets
from lamplighter.errors import UsageError
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import training_device
from lamplighter.models.build import build
from lamplighter.models.memory_format import FORMATS
from lamplighter.models.network import Network
from lamplighter.recipe import Recipe
from lamplighter.tasks.task import TASKS, Task, make_loss
from lamplighter.training.muon import last_matrix, muon_groups
from lamplighter.training.optimizer import make_optimizer
from lamplighter.training.parts import LossFunction, Parts, limits_of
from lamplighter.training.precision import make_precision
from lamplighter.training.resolve import resolve_own
from lamplighter.training.schedule import Schedule, TorchSchedule, make_schedule
from lamplighter.training.steppable import refuse_short

Unpack = Callable[[Any], tuple[Any, Any]]


def prepare_own(recipe: Recipe, sets: OwnSets, listener: Listener = SILENT) -> tuple[Recipe, Parts]:
    """What `lamp train package.module:data --model package.module:Net` would train.

    Returns:
        The settled recipe, and the loop's parts without validation.

    Raises:
        UsageError: no network was named.
    """
    network = network_for(recipe, sets, listener)
    settled = resolve_own(recipe, listener, network.module)
    device = training_device(settled.device, repeatable=settled.deterministic)
    module = network.module.to(device)
    train = make_own_batches(sets.train, settled, device, None, None, listener, shuffle=True)
    own_outcome.settle_lazy(module, train)
    module.to(memory_format=FORMATS[settled.memory_format])
    kind = own_outcome.guess_task(train, "auto") if recipe.task == "auto" else recipe.task
    optimizer = make_own_optimizer(module, settled, device)
    return settled, make_own_parts(
        module, TASKS[kind], make_loss(settled.loss, TASKS[kind], smoothing=settled.smoothing),
        optimizer, make_own_schedule(settled.schedule, "auto", optimizer, train, settled), settled,
        {"train": train}, device, {},
    )  # fmt: skip


def network_for(recipe: Recipe, sets: OwnSets, listener: Listener) -> Network:
    """The network that was named, with as many outputs as the sets ask for.

    Raises:
        UsageError: none was named; nothing is known about the tensors that would choose one.
    """
    if recipe.model == "auto":
        raise UsageError(
            f"{sets.name} gives tensors; name the network that takes them",
            where="--model",
            fix=f"lamp train {recipe.data} --model mynets:Net",
        )
    return build(
        recipe.model, own_outcome.count_outputs(sets.train),
        weights="none" if recipe.weights == "auto" else recipe.weights, init=recipe.init,
        listener=listener,
    )  # fmt: skip


def make_own_batches(
    given: Any,
    recipe: Recipe,
    device: torch.device,
    unpack: Unpack | None,
    collate: Callable[[list[Any]], Any] | None,
    listener: Listener,
    *,
    shuffle: bool,
) -> Batches:
    """Batches of whatever the user handed over; loaders are taken as they are."""
    assert isinstance(recipe.batch, int)
    assert isinstance(recipe.workers, int)
    loader, set_epoch = make_loader(
        given, batch=recipe.batch, shuffle=shuffle, seed=recipe.seed, workers=recipe.workers,
        collate=collate, device=device, listener=listener,
    )  # fmt: skip
    return LoaderBatches(loader, device, unpack, set_epoch)


def own_batches(
    given: Any, recipe: Recipe, device: torch.device, listener: Listener = SILENT
) -> Batches:
    """Batches of a set of the user's own, in its order, for evaluation."""
    return make_own_batches(
        given, resolve_own(recipe, listener), device, None, None, listener, shuffle=False
    )


def make_own_optimizer(module: nn.Module, recipe: Recipe, device: torch.device) -> Optimizer:
    """The optimizer that the recipe names, over all parameters that learn."""
    assert isinstance(recipe.lr, float)
    assert isinstance(recipe.batch, int)
    groups = [{"params": [p for p in module.parameters() if p.requires_grad]}]
    if recipe.optimizer == "Muon":
        head = last_matrix(module)
        network = Network(module, own_outcome.architecture_of(module, 1), (head,) if head else ())
        groups = muon_groups(
            network, recipe.lr, batch=recipe.batch * recipe.accumulate, backbone_factor=1.0,
            weight_decay=float(recipe.weight_decay),
        )  # fmt: skip
    return make_optimizer(
        recipe.optimizer, groups, lr=recipe.lr, momentum=recipe.momentum,
        weight_decay=float(recipe.weight_decay), device=device,
    )  # fmt: skip


def make_own_schedule(
    given: Any, per: str, optimizer: Optimizer, train: Batches, recipe: Recipe
) -> Schedule:
    """The user's own schedule, or the one that the recipe names.

    Raises:
        UsageError: it needs or has another number of steps than the training.
    """
    assert isinstance(recipe.epochs, int)
    steps = train.steps()
    if not isinstance(given, str):
        own = TorchSchedule(given, per)
        refuse_short(own, steps and -(-steps // recipe.accumulate), recipe.epochs)
        return own
    if steps is None and recipe.schedule not in ("constant", "plateau"):
        raise UsageError(
            f"{recipe.schedule} needs to know how many batches an epoch has, and this iterable does not say",
            where="schedule",
            fix="schedule='constant', or give the loader a __len__",
        )
    assert isinstance(recipe.warmup, float)
    per_epoch = -(-(steps or 1) // recipe.accumulate)
    return make_schedule(
        recipe.schedule,
        optimizer,
        steps_per_epoch=per_epoch,
        epochs=recipe.epochs,
        warmup=recipe.warmup,
    )


def make_own_parts(
    module: nn.Module,
    task: Task,
    loss: LossFunction,
    optimizer: Optimizer,
    schedule: Schedule,
    recipe: Recipe,
    batches: Mapping[str, Batches],
    device: torch.device,
    metrics: Mapping[str, Any],
) -> Parts:
    """The loop's parts, with the precision and limits of the recipe."""
    return Parts(
        module=module,
        task=task,
        loss=loss,
        optimizer=optimizer,
        schedule=schedule,
        precision=make_precision(recipe.precision, device),
        train=batches["train"],
        val=batches.get("val"),
        device=device,
        **limits_of(recipe),
        metrics=metrics,
    )
