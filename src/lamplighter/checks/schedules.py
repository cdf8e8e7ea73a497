"""Family O: schedules that are over early, that follow another optimizer, another clock, or always begin again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


def epoch_schedule_per_batch(
    factors: Sequence[float], steps_per_epoch: int, *, where: str = "schedule"
) -> Iterator[Finding]:
    """O108: within the first epoch the learning rate fell below a thousandth of its peak.

    Args:
        factors: learning rate over its largest value so far, after each step.
        steps_per_epoch: batches of the training loader.
        where: the schedule.
    """
    first = factors[:steps_per_epoch]
    if (
        len(first) >= 3
        and min(first) < 1.001e-3
        and first[-1] == min(first)
        and max(first[:2]) == 1.0
    ):
        yield found(
            "O108",
            where,
            f"the learning rate fell to {min(first):.1g} of its beginning within {len(first)} "
            "steps of epoch 1: a schedule that counts epochs is stepped after every batch",
            "call scheduler.step() once per epoch, outside the loop over batches",
        )


def most_steps_hardly_move(
    factors: Sequence[float], *, where: str = "schedule"
) -> Iterator[Finding]:
    """O108: for more than half of the training the rate is below a thousandth of its peak.

    Args:
        factors: learning rate over its beginning after each step of the whole training, of a
            schedule that is stepped with every batch.
        where: the schedule.
    """
    peak = max(factors, default=0.0)
    low = [factor < 1e-3 * peak for factor in factors]
    if len(factors) >= 20 and sum(low) > len(low) / 2 and low[-1] and factors[0] > 0.5 * peak:
        yield found(
            "O108",
            where,
            f"after {low.index(True)} of {len(low) - 1} steps the learning rate is below a "
            "thousandth of its beginning, and it stays there: a schedule that counts epochs is "
            "stepped after every batch",
            "call scheduler.step() once per epoch, outside the loop over batches",
        )


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


# what says how long a schedule is
LENGTHS = ("total_steps", "T_max", "total_iters")
FEWEST = 3  # batches of an epoch


def counted_in_samples(schedule: Any, batches: int, samples: int) -> Iterator[Finding]:
    """O110: a schedule is as long as some epochs would be if each sample were a batch.

    Args:
        schedule: of torch.
        batches: of the training loader; 0: not known.
        samples: of its data set.
    """
    name = next((n for n in LENGTHS if isinstance(getattr(schedule, n, None), int)), None)
    length = getattr(schedule, name) if name else 0
    if batches < FEWEST or batches == samples or not length or length % samples:
        return
    if length % batches:
        yield found(
            "O110",
            type(schedule).__name__,
            f"{name}={length} is {length // samples} times the {samples} samples of the data set, "
            f"and an epoch has {batches} batches: it is planned for {samples / batches:.3g} times as "
            "many steps as there will be",
            "give it epochs * len(train_loader), the number of batches",
            level="warning",
        )


def of_another_optimizer(kind: str) -> Iterator[Finding]:
    """O109: a schedule was built with an optimizer that is not the one that will step.

    Args:
        kind: of the schedule.
    """
    yield found(
        "O109",
        kind,
        "it sets the learning rate of another optimizer than those that were given",
        "build the schedule with the optimizer that steps",
        level="error",
    )
