"""Family O: schedules that follow another optimizer, another clock, or always begin again."""

from __future__ import annotations

from collections.abc import Iterator

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


def optimizer_replaced(kind: str, old: str, new: str, times: int) -> Iterator[Finding]:
    """O109: a schedule goes on stepping for an optimizer that another one has replaced.

    Args:
        kind: of the schedule.
        old: its optimizer.
        new: what moves the same weights since.
        times: steps of the schedule since the old optimizer stepped last.
    """
    yield found(
        "O109",
        kind,
        f"it has stepped {times} times since the {old} that it was built with stepped last; a newer "
        f"{new} moves the same weights, and its rate does not change",
        "build the schedule again with the new optimizer, or add_param_group() to the old one",
        level="error",
    )


def two_of_one_kind(kind: str, optimizer: str, steps: int) -> Iterator[Finding]:
    """O109: two equal schedules were built with one optimizer, and another one has none.

    Args:
        kind: of the schedules.
        optimizer: its class.
        steps: of each schedule.
    """
    yield found(
        "O109",
        kind,
        f"two {kind} with the same settings were built with one {optimizer} and both step {steps} "
        f"times: its rate changes twice at a time, and that of the other {optimizer} never",
        "build each schedule with its own optimizer",
        level="error",
    )


def made_again(kind: str, count: int, steps: int) -> Iterator[Finding]:
    """O109: a schedule is built anew before it comes to its first change.

    Args:
        kind: of the schedules.
        count: how many were built for the same optimizer.
        steps: of the first.
    """
    yield found(
        "O109",
        kind,
        f"{count} of it are built for the same optimizer, one after the other, and each begins to "
        f"count again after {steps} {'step' if steps == 1 else 'steps'} of the one before: the "
        "learning rate never changes",
        "build the schedule once, before the loop over epochs",
    )


def plateau_of_batches(patience: int, batches: int, falls: int) -> Iterator[Finding]:
    """O108: `ReduceLROnPlateau` is told a figure after every batch.

    Args:
        patience: figures that it waits for.
        batches: of an epoch.
        falls: of the rate within one epoch.
    """
    seen = f", and the rate has fallen {falls} times within one epoch" if falls > 1 else ""
    yield found(
        "O108",
        "ReduceLROnPlateau",
        f"it is told a figure after every batch, so that patience={patience} is {patience} batches "
        f"of an epoch of {batches}{seen}: single batches go up and down, and each time it waits no "
        "longer than that",
        "call scheduler.step(validation_loss) once per epoch",
        level="error" if falls > 1 else "warning",
    )
