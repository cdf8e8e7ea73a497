"""The static round: model, optimizers and loaders, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from lamplighter.checks import (
    evaluation,
    loading,
    norm_settings,
    optimizer,
    precision,
    schedules,
    splits,
    structure,
)
from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.setup import Setup
from lamplighter.checks.versions import known_bad, surroundings


def look_at_structure(setup: Setup) -> Iterator[Finding]:
    """Repeated layers, plain tensors as weights, BatchNorm that cannot learn."""
    yield from structure.tensors_as_weights(setup.model, held=setup.held)
    yield from structure.layers_repeated(setup.model)
    yield from structure.statistics_never_learned(setup.model)


def look_at_registration(setup: Setup) -> Iterator[Finding]:
    """Layers that PyTorch does not see; judged by their gradients where steps were tried."""
    live = setup.evidence.live_hidden if setup.evidence is not None else None
    yield from structure.layers_not_registered(setup.model, held=setup.held, live=live)


def look_at_norms(setup: Setup) -> Iterator[Finding]:
    """Normalisation layers whose momentum or eps is that of another library."""
    yield from norm_settings.eps_is_a_momentum(setup.model)
    samples = [b.first.shape[0] for b in setup.batches if b.first is not None and b.first.dim()]
    if len(samples) < 2 or samples[0] > norm_settings.FEW:
        return
    for name, layer in setup.model.named_modules():
        if norm_settings.is_forgetful(layer):
            yield from norm_settings.remembers_one_batch(name, layer.momentum)
            return


def look_at_freezing(setup: Setup) -> Iterator[Finding]:
    """What is frozen that should learn."""
    order: list[str] = []
    if setup.evidence is not None:  # a frozen teacher comes last too, but outside of the graph
        in_graph = {name for name, _ in setup.evidence.reached}
        order = [name for name in setup.evidence.forward.order if name in in_graph]
    stepped = (p for o in setup.optimizers for group in o.param_groups for p in group["params"])
    others = any(p.requires_grad for p in stepped)
    yield from structure.output_frozen(setup.model, order=order, others_learn=others)


def look_at_ownership(setup: Setup) -> Iterator[Finding]:
    """Who steps on which parameter."""
    if not setup.optimizers:
        return
    order = setup.evidence.forward.order if setup.evidence is not None else ()
    last = structure.output_layer(setup.model, order)
    yield from optimizer.parameters_without_optimizer(setup.model, setup.optimizers, used_last=last)
    others = [*setup.loss_modules, *setup.hidden]
    yield from optimizer.foreign_parameters(setup.model, setup.optimizers, others=others)
    names = {id(p): name for name, p in setup.model.named_parameters()}
    yield from optimizer.two_owners(setup.optimizers, names)


def look_at_precision(setup: Setup) -> Iterator[Finding]:
    """Number formats and devices."""
    yield from precision.eps_vanishes(setup.optimizers)
    yield from precision.devices_differ(setup.model)


def look_at_versions(setup: Setup) -> Iterator[Finding]:
    """What torch's version is known to compute wrong where the model lies."""
    yield from known_bad(setup.model, surroundings(setup.device))


def look_at_loaders(setup: Setup) -> Iterator[Finding]:
    """Length, sampler, workers and drop_last of the loaders."""
    if setup.loader is None and setup.train_set is not None and len(setup.train_set) == 0:
        yield found("D110", "train", "the data set has no samples", "look why it is empty")
    if setup.loader is not None:
        yield from loading.loader_without_batches(setup.loader, where="train loader")
        yield from loading.sampler_weights_unfit(setup.loader, setup.labels)
        yield from loading.random_state_copied(setup.loader)
    if setup.val_loader is not None:
        yield from loading.loader_without_batches(setup.val_loader, where="validation loader")
        yield from evaluation.samples_dropped(setup.val_loader)


def look_at_schedules(setup: Setup) -> Iterator[Finding]:
    """Whose rate they set, and in which unit they count."""
    loader, samples = setup.loader, setup.train_set
    counts = (len(loader), len(samples)) if loader is not None and samples is not None else (0, 0)
    for schedule in setup.schedules:
        owner = getattr(schedule, "optimizer", None)
        if setup.optimizers and owner is not None and all(owner is not o for o in setup.optimizers):
            yield from schedules.of_another_optimizer(type(schedule).__name__)
        yield from schedules.counted_in_samples(schedule, *counts)


def look_at_splits(setup: Setup) -> Iterator[Finding]:
    """Validation that is train, or shares its indices."""
    if setup.val is None:
        return
    yield from splits.validation_is_train(setup.data, setup.val)
    yield from splits.indices_meet(setup.data, setup.val)
