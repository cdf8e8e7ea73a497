"""Optimizers by their torch names, built fast for the device they run on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.optim import Optimizer

from lamplighter.training.eager import eager
from lamplighter.training.measure_precision import has_bfloat16
from lamplighter.training.muon import Muon

DEFAULT_LR = {
    "SGD": 0.1, "Adam": 1e-3, "AdamW": 1e-3, "NAdam": 1e-3, "RAdam": 1e-3,
    "RMSprop": 1e-3, "Adagrad": 1e-2, "Adamax": 2e-3, "Adadelta": 1.0,
    "Muon": 0.02,
}  # fmt: skip
FUSED = ("SGD", "Adam", "AdamW", "Adagrad")


def make_optimizer(
    name: str,
    groups: Iterable[dict[str, Any]],
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
    device: torch.device,
) -> Optimizer:
    """The optimizer of that torch name over parameter groups.

    Args:
        name: a class name of torch.optim, as in `recipe.OPTIMIZERS`; "Muon" is our own, with the
            groups of `muon_groups`.
        groups: torch parameter groups; a group's own lr and weight_decay win.
        lr: learning rate of groups that name none.
        momentum: used by SGD (with Nesterov) and RMSprop.
        weight_decay: of groups that name none.
        device: where the parameters are; decides between fused and foreach kernels.
    """
    if name == "Muon":
        short = device.type == "cuda" or (device.type == "cpu" and has_bfloat16())
        muon: Optimizer = eager(Muon)(
            groups, lr=lr, kind=torch.bfloat16 if short else torch.float32
        )
        return muon
    settings: dict[str, Any] = {"lr": lr, "weight_decay": weight_decay}
    if name == "SGD":
        settings |= {"momentum": momentum, "nesterov": momentum > 0}
    if name == "RMSprop":
        settings["momentum"] = momentum
    groups = [{**group, "params": list(group["params"])} for group in groups]
    real = all(p.is_floating_point() for group in groups for p in group["params"])
    if name in FUSED and device.type in ("cpu", "cuda") and real:  # no fused kernel is for complex
        settings["fused"] = True
    optimizer_class: Any = getattr(torch.optim, name)
    optimizer: Optimizer = eager(optimizer_class)(groups, **settings)
    return optimizer
