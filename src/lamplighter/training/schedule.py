"""How the learning rate moves: a pure function of how far the training is.

A pure function needs no state, so a resumed or extended run cannot be off by a step. `plateau`
and the user's own torch schedulers have state, and are asked and saved through the same face.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau


class Schedule(Protocol):
    """Sets the learning rates of an optimizer's groups."""

    def before_step(self, step: int) -> None:
        """Optimizer step `step` (from 0, over the whole training) comes next."""
        ...

    def after_step(self) -> None:
        """The optimizer has stepped."""
        ...

    def after_epoch(self, loss: float | None) -> None:
        """An epoch is over; `loss` is the validation loss if there is one."""
        ...

    rate: float  # factor on all learning rates, lowered after a divergence

    def set_rate(self, rate: float) -> None:
        """From now on every learning rate is `rate` times what it was asked to be."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Curve:
    """A curve over the share of the training that is done, after a linear warm-up.

    Args:
        optimizer: each group's present learning rate is taken as its peak.
        shape: share done (0…1, warm-up excluded) → factor.
        steps: optimizer steps of the whole training.
        warmup: optimizer steps of the warm-up.
    """

    def __init__(
        self, optimizer: Optimizer, shape: Callable[[float], float], steps: int, warmup: int
    ) -> None:
        self.optimizer = optimizer
        self.peaks = [float(group["lr"]) for group in optimizer.param_groups]
        self.shape = shape
        self.steps = max(1, steps)
        self.warmup = min(warmup, self.steps - 1)
        self.rate = 1.0

    def falls(self) -> bool:
        """Whether the rates end below their peak, by the plan."""
        return self.shape(1.0) < 1.0

    def factor(self, step: int) -> float:
        """The factor on the peak rates at optimizer step `step` (from 0)."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.shape(min(1.0, done))

    def before_step(self, step: int) -> None:
        factor = self.factor(step) * self.rate
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor

    def after_step(self) -> None:
        pass

    def after_epoch(self, loss: float | None) -> None:
        pass

    def set_rate(self, rate: float) -> None:
        self.rate = rate

    def state_dict(self) -> dict[str, Any]:
        return {"rate": self.rate}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rate = state["rate"]


class Plateau(Curve):
    """Constant, and a tenth each time the validation loss has not improved for three epochs."""

    def __init__(self, optimizer: Optimizer, steps: int, warmup: int, patience: int = 3) -> None:
        super().__init__(optimizer, lambda _: self.level, steps, warmup)
        self.level = 1.0
        self.best = math.inf
        self.stale = 0
        self.patience = patience

    def falls(self) -> bool:
        return False  # by what it sees, not by the plan

    def after_epoch(self, loss: float | None) -> None:
        if loss is None:
            return
        if loss < self.best * (1 - 1e-4):
            self.best, self.stale = loss, 0
            return
        self.stale += 1
        if self.stale >= self.patience:
            self.level, self.stale = self.level * 0.1, 0

    def state_dict(self) -> dict[str, Any]:
        return {"rate": self.rate, "level": self.level, "best": self.best, "stale": self.stale}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rate, self.level = state["rate"], state["level"]
        self.best, self.stale = state["best"], state["stale"]


class TorchSchedule:
    """The user's own scheduler, stepped where it belongs.

    Args:
        scheduler: a torch scheduler over the training's optimizer.
        per: "step", "epoch", or "auto": per step for OneCycleLR and CyclicLR, else per epoch.
    """

    def __init__(self, scheduler: LRScheduler | ReduceLROnPlateau, per: str = "auto") -> None:
        per_step = (torch.optim.lr_scheduler.OneCycleLR, torch.optim.lr_scheduler.CyclicLR)
        self.scheduler = scheduler
        self.per = (
            ("step" if isinstance(scheduler, per_step) else "epoch") if per == "auto" else per
        )
        self.rate = 1.0

    def before_step(self, step: int) -> None:
        pass

    def after_step(self) -> None:
        if self.per == "step" and not isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step()

    def after_epoch(self, loss: float | None) -> None:
        if isinstance(self.scheduler, ReduceLROnPlateau):
            if loss is not None:
                self.scheduler.step(loss)
        elif self.per == "epoch":
            self.scheduler.step()

    def set_rate(self, rate: float) -> None:
        factor, self.rate = rate / self.rate, rate
        # some schedulers multiply the present rate, others start from one of these every time
        for group in self.scheduler.optimizer.param_groups:
            for key in ("lr", "initial_lr", "max_lr", "min_lr"):
                if key in group:
                    group[key] *= factor
        for name in ("base_lrs", "max_lrs", "_last_lr"):
            if isinstance(rates := getattr(self.scheduler, name, None), list):
                setattr(self.scheduler, name, [value * factor for value in rates])

    def state_dict(self) -> dict[str, Any]:
        return {"rate": self.rate, "scheduler": self.scheduler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rate = state["rate"]
        self.scheduler.load_state_dict(state["scheduler"])


def make_schedule(
    name: str, optimizer: Optimizer, *, steps_per_epoch: int, epochs: int, warmup: float
) -> Curve:
    """The schedule of that name.

    Args:
        name: constant, linear, cosine, one-cycle, step or plateau.
        steps_per_epoch: optimizer steps in an epoch.
        epochs: epochs of the whole training.
        warmup: epochs (may be fractional) of linear rise.
    """
    steps = steps_per_epoch * epochs
    rise = round(warmup * steps_per_epoch)
    if name == "plateau":
        return Plateau(optimizer, steps, rise)
    if name == "one-cycle":
        return Curve(optimizer, one_cycle, steps, 0)
    shapes: dict[str, Callable[[float], float]] = {
        "constant": lambda _: 1.0,
        "linear": lambda done: 1.0 - done,
        "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
        "step": three_stairs,
    }
    return Curve(optimizer, shapes[name], steps, rise)


def three_stairs(done: float) -> float:
    """A tenth after half of the training, a hundredth after three quarters."""
    return 1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01


def one_cycle(done: float) -> float:
    """From 1/25 up to the peak in the first 30 %, then down to 1/250,000, along cosines.

    Source: torch.optim.lr_scheduler.OneCycleLR's defaults (Smith & Topin, arXiv:1708.07120).
    """
    low, lowest, top = 1 / 25, 1 / 25 / 1e4, 0.3
    if done < top:
        return 1 + (low - 1) * (1 + math.cos(math.pi * done / top)) / 2
    return lowest + (1 - lowest) * (1 + math.cos(math.pi * (done - top) / (1 - top))) / 2
