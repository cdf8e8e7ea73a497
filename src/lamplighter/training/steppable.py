"""Whether the user's own optimizer and schedule can be stepped as the loop steps them."""

from __future__ import annotations

import inspect
from typing import Any

from torch.optim import Optimizer

from lamplighter.errors import UsageError
from lamplighter.training.schedule import Schedule, TorchSchedule


def refuse_closure(optimizer: Optimizer) -> None:
    """The loop calls step() once for each batch; LBFGS computes the loss again and again.

    Raises:
        UsageError: step() cannot be called without a closure.
    """
    parameters: dict[str, Any] = dict(inspect.signature(type(optimizer).step).parameters)
    closure = parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        name = type(optimizer).__name__
        raise UsageError(
            f"{name} computes the loss several times per step (step(closure)); the loop here calls step() "
            "once per batch",
            where="optimizer",
            fix="another optimizer, such as torch.optim.Adam; or your own loop under lamp.watch(net, optimizer)",
        )


def refuse_short(schedule: Schedule, steps_per_epoch: int | None, epochs: int) -> None:
    """A schedule that ends before the training would raise in the middle of it.

    Args:
        schedule: of the training; only the user's own can be too short.
        steps_per_epoch: optimizer steps; None where only the end of an epoch will tell.
        epochs: of the whole training.

    Raises:
        UsageError: it was made for fewer steps.
    """
    if not isinstance(schedule, TorchSchedule):
        return
    made_for = getattr(schedule.scheduler, "total_steps", None)
    per_epoch = 1 if schedule.per == "epoch" else steps_per_epoch
    if not isinstance(made_for, int) or per_epoch is None or made_for >= per_epoch * epochs:
        return
    name = type(schedule.scheduler).__name__
    raise UsageError(
        f"{name} was made for {made_for:,} steps; this training takes {per_epoch * epochs:,} "
        f"({epochs:,} × {per_epoch:,})",
        where="schedule",
        fix=f"{name}(…, total_steps={per_epoch * epochs}), and the same epochs= in lamp.fit",
    )
