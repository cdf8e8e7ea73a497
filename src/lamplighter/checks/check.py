"""`check`: everything that can be seen before training, in seconds, with nothing left changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import nn

from lamplighter.checks import (
    over_answers,
    over_data,
    over_linearity,
    over_objects,
    over_steps,
    over_targets,
    over_unused,
)
from lamplighter.checks.batches import Unpack
from lamplighter.checks.catalogue import allowed_codes
from lamplighter.checks.finding import Finding, worst_first
from lamplighter.checks.finding import allow as mark_allowed
from lamplighter.checks.guess import LossFunction
from lamplighter.checks.probe import Prober
from lamplighter.checks.report import Report
from lamplighter.checks.setup import Setup
from lamplighter.checks.snapshot import copied, kept, probing
from lamplighter.listener import SILENT, Listener

Look = Callable[[Setup], Iterable[Finding]]

# (codes, cost, look): the order is the order of work; a later look may use earlier evidence
BEFORE: tuple[tuple[str, str, Look], ...] = (
    ("M102 M103 M113", "fast", over_objects.look_at_structure),
    ("P102 P105", "fast", over_objects.look_at_precision),
    ("V102", "fast", over_objects.look_at_versions),
    ("D107 D110 D111 E102", "fast", over_objects.look_at_loaders),
    ("S101 S104", "fast", over_objects.look_at_splits),
)
SAMPLES: tuple[tuple[str, str, Look], ...] = (
    ("D106", "fast", over_data.look_at_order),
    ("Y103 Y104 Y112", "fast", over_data.look_at_labels),
    ("S103 Y101 Y110", "fast", over_data.look_at_leaks),
    ("S101 S102 T102 T103", "fast", over_data.look_across_splits),
    ("T101", "fast", over_data.look_at_repetition),
)
PROBED: tuple[tuple[str, str, Look], ...] = (
    ("M118 L113 T105", "fast", over_steps.look_at_failure),
    ("M101", "fast", over_objects.look_at_registration),
    ("M121", "fast", over_objects.look_at_norms),
    ("M110", "fast", over_objects.look_at_freezing),
    ("O101 O102 O105", "fast", over_objects.look_at_ownership),
    ("O109 O110", "fast", over_objects.look_at_schedules),
    ("D101 D102 D104 D105 D112 D113", "fast", over_data.look_at_inputs),
    (
        "I103 L101 L102 L103 L104 L105 L106 L107 L108 L110 L111 L112",
        "fast",
        over_steps.look_at_loss,
    ),
    ("Y102 Y105 Y106 Y107 Y108", "fast", over_targets.look_at_targets),
    ("D103 I102 M112 P103 T104", "fast", over_steps.look_at_forward),
    ("M107 M108 M117", "full", over_steps.look_at_gradients),
    ("I101", "full", over_steps.look_at_units),
    ("O103 O104 O106 P101", "full", over_steps.look_at_updates),
    ("M109", "fast", over_linearity.look_at_linearity),
    ("E105", "full", over_answers.look_at_likeness),
    ("M120", "full", over_answers.look_at_order),
)
ANSWERED: tuple[tuple[str, str, Look], ...] = (
    ("M104 M105 M106 M119", "fast", over_answers.look_at_answers),
    ("M114", "full", over_unused.look_at_unused),
    ("L109", "full", over_answers.look_at_reduction),
    ("D114", "fast", over_steps.look_at_last_batch),
)


def check(
    model: nn.Module,
    data: Any = None,
    *,
    val: Any = None,
    loss: LossFunction | None = None,
    optimizer: torch.optim.Optimizer | Sequence[torch.optim.Optimizer] | None = None,
    schedule: Any = None,
    task: str | None = None,
    allow: Mapping[str, str] | Sequence[str] | None = None,
    level: Literal["fast", "full"] = "full",
    batches: int | None = None,
    unpack: Unpack | None = None,
    listener: Listener = SILENT,
    only: Collection[str] | None = None,
) -> Report:
    """Looks for silent mistakes in a training that is about to begin, and changes nothing.

    A few training steps are tried on the given objects and undone: weights, optimizer, gradients,
    modes and random generators are afterwards what they were, bit for bit.

    Args:
        model: the network.
        data: train: a `Dataset`, a `DataLoader` or an iterable of batches; a batch is
            (inputs, targets), (…inputs, targets), or a dict with labels, label, targets, target
            or y. Without data only what is static is looked at.
        val: validation, in the same forms.
        loss: called as `loss(output, targets)`; by default cross entropy for class numbers, BCE
            with logits for several 0/1 floats, MSE for other floats.
        optimizer: the optimizer, or several.
        schedule: the learning-rate schedule, or several.
        task: "classification", "multilabel" or "regression" where the targets do not tell.
        allow: codes that are meant so: a list, or code → reason.
        level: "fast" (one step, no update) or "full" (six steps).
        batches: how many batches of train to read; by default 2 (fast) or 4 (full).
        unpack: batch → (inputs, targets), for batches of another form.
        listener: hears each finding as it is made.
        only: codes that are wanted; a look that has none of them is left out. None: all.

    Returns:
        The findings, worst first, with how much was done; a check that could not run is in
        `skipped` with the reason.
    """
    began = time.perf_counter()
    setup = _gather(model, data, val, loss, optimizer, schedule, task, level, unpack)
    report = Report()
    if setup.is_lazy:
        _attempt("shapes of lazy layers", partial(_use_shaped_copy, setup), report)
    trained = (model, setup.model, setup.loss, *setup.optimizers, *setup.schedules, *setup.hidden)
    with kept(trained, (setup.data, setup.val)) as snapshot:
        _run_all(BEFORE, setup, report, only)
        if setup.data is not None:
            _run_all(SAMPLES, setup, report, only)
            count = batches or (4 if setup.thorough else 2)
            _attempt("reading batches", lambda: over_data.read_train(setup, count), report)
            setup.prober = Prober(setup.model, setup.loss, setup.optimizers, snapshot)
            _attempt("probe steps", lambda: over_steps.try_steps(setup), report)
        _run_all(PROBED, setup, report, only)
        if setup.evidence is not None and setup.prober is not None:
            setup.prober.put_back()
            _run_all(ANSWERED, setup, report, only)
        report.steps = setup.evidence.steps if setup.evidence is not None else 0
    if _is_used_up(data):
        report.skipped["data"] = "the data is a generator: the batches looked at are used up"
    report.findings = worst_first(mark_allowed(_once(report.findings), allowed_codes(allow)))
    report.seconds = time.perf_counter() - began
    for finding in report.findings:
        listener.finding(finding)
    return report


def _is_used_up(data: Any) -> bool:
    """Whether the batches that were read are gone for the training, as those of a generator."""
    return hasattr(data, "__next__") and iter(data) is data


def _use_shaped_copy(setup: Setup) -> None:
    """Checks a copy of a network whose shapes come with the first batch, so that it stays lazy."""
    setup.model, setup.optimizers = copied(setup.model, setup.model), ()
    if setup.data is None:
        return
    with kept((), (setup.data,)), probing(setup.model), torch.no_grad():
        over_data.read_train(setup, 1)
        setup.batches.pop().into(setup.model)


def _gather(
    model: nn.Module,
    data: Any,
    val: Any,
    loss: LossFunction | None,
    optimizer: Any,
    schedule: Any,
    task: str | None,
    level: str,
    unpack: Unpack | None,
) -> Setup:
    return Setup(
        model=_without_wrapper(model),
        data=data,
        val=val,
        loss=loss,
        optimizers=_several(optimizer),
        schedules=_several(schedule),
        task=task,
        thorough=level == "full",
        unpack=unpack,
    )


def _without_wrapper(model: nn.Module) -> nn.Module:
    """The network inside `torch.compile`, DataParallel or DDP: the probe is no training."""
    inner = getattr(model, "_orig_mod", model)
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    return inner.module if isinstance(inner, wrappers) else inner


def _several(given: Any) -> tuple[Any, ...]:
    if given is None:
        return ()
    return tuple(given) if isinstance(given, list | tuple) else (given,)


def _run_all(
    table: Sequence[tuple[str, str, Look]],
    setup: Setup,
    report: Report,
    only: Collection[str] | None,
) -> None:
    for codes, cost, look in table:
        if cost == "full" and not setup.thorough:
            continue
        if only is not None and not any(code in only for code in codes.split()):
            continue
        collect = partial(_collect, look, setup, report.findings)
        report.checks += len(codes.split()) if _attempt(codes, collect, report) else 0


def _collect(look: Look, setup: Setup, findings: list[Finding]) -> None:
    findings.extend(look(setup))


def _attempt(what: str, work: Callable[[], None], report: Report) -> bool:
    """Runs one look; one that crashes is told in the report and stops nothing else."""
    try:
        work()
    except Exception as error:
        report.skipped[what] = f"{type(error).__name__}: {error}"
        return False
    return True


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of one code at one place are told once."""
    return list({(f.code, f.where): f for f in reversed(findings)}.values())
