"""Muon: filters move by an orthogonal matrix a step, all other parameters by SGD with momentum."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lamplighter.models.freeze import filters_of, has_filters, parameter_groups
from lamplighter.models.network import Network

# of a polynomial that brings singular values between 0 and 1 close to 1 in few steps
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 3
TINY = 1e-7
FILTER_MOMENTUM, REST_MOMENTUM = 0.6, 0.85
REST = 2.5  # the rate of what is no filter, as a factor, in networks that say nothing of it


def orthogonalised(matrix_RC: Tensor, steps: int = STEPS) -> Tensor:
    """A matrix with the same singular vectors, its singular values brought near 1.

    Args:
        matrix_RC: float; the larger side may be either.
        steps: of Newton–Schulz; five bring nearly all values into 0.7…1.2, three are enough to learn.

    Source: Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks.
    """
    a, b, c = COEFFICIENTS
    wide = matrix_RC if matrix_RC.shape[0] <= matrix_RC.shape[1] else matrix_RC.T
    wide = wide / (wide.norm() + TINY)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if matrix_RC.shape[0] <= matrix_RC.shape[1] else wide.T


class Muon(Optimizer):
    """Parameter groups with `filters=True` move by Muon, the others by SGD with Nesterov's momentum.

    Args:
        groups: torch parameter groups. `filters`: whether these are filters or matrices. `factor`:
            the group's rate as a factor on the learning rate. `rescale`: whether each filter bank is
            brought back to the norm √R of an orthogonal one before each step, which is right where
            normalisation follows. `momentum` and `weight_decay` (per step, decoupled) are as usual.
        lr: learning rate.
        kind: dtype of the matrix products.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], *, lr: float, kind: torch.dtype = torch.float32
    ) -> None:
        defaults = {
            "lr": lr, "momentum": 0.6, "weight_decay": 0.0,
            "filters": False, "rescale": False, "factor": 1.0,
        }  # fmt: skip
        super().__init__(groups, defaults)
        self.kind = kind

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step for every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            learning = [p for p in group["params"] if p.grad is not None]
            for parameter in learning:
                self._move(parameter, group)
        return loss

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient = parameter.grad
        assert gradient is not None
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        kept, momentum = state["momentum_buffer"], group["momentum"]
        kept.mul_(momentum).add_(gradient)
        way = gradient.add(kept, alpha=momentum)
        rate = group["lr"] * group["factor"]
        if group["weight_decay"]:
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
        if group["filters"]:
            rows = len(parameter)
            if group["rescale"]:
                parameter.mul_(rows**0.5 / (parameter.norm() + TINY))
            flat = orthogonalised(way.reshape(rows, -1).to(self.kind))
            way = flat.to(parameter.dtype).view(parameter.shape)
        parameter.add_(way, alpha=-rate)


def muon_groups(
    network: Network, lr: float, *, batch: int, backbone_factor: float, weight_decay: float
) -> list[dict[str, Any]]:
    """The groups of `parameter_groups`, each parted into filters and the rest.

    Filters are the weights of linear layers and of convolutions that are not grouped, outside the
    head. A network may say how fast its head and its biases learn (`rest_factors`, as speed_net
    does); elsewhere all that is no filter learns at `REST` times the rate.

    Args:
        lr: of the filters.
        batch: pictures per step.
        backbone_factor: on the rates of all but the head.
        weight_decay: of filters and head; biases and norms have none.
    """
    own_factors: Callable[[int], tuple[float, float]] | None
    own_factors = getattr(network.module, "rest_factors", None)
    head_factor, bias_factor = own_factors(batch) if own_factors else (REST, REST)
    filters = filters_of(network)
    rescale = bool(getattr(network.module, "scale_free", False))
    groups: list[dict[str, Any]] = []
    for group in parameter_groups(
        network, 1.0, backbone_factor=backbone_factor, weight_decay=weight_decay
    ):
        rest = head_factor if group["name"] == "head" else bias_factor
        for chosen, factor, momentum in (
            (True, 1.0, FILTER_MOMENTUM),
            (False, rest, REST_MOMENTUM),
        ):
            members = [p for p in group["params"] if (id(p) in filters) is chosen]
            if members:
                groups.append({
                    "params": members, "name": group["name"] + ", filters" * chosen, "lr": lr,
                    "factor": factor * group["lr"], "weight_decay": group["weight_decay"],
                    "filters": chosen, "rescale": chosen and rescale, "momentum": momentum,
                })  # fmt: skip
    return groups


def own_rate(module: nn.Module | None, optimizer: str, batch: int) -> float | None:
    """The learning rate of the filters that the network itself says (`filter_rate`), if it does.

    Args:
        optimizer: None is answered for any but "Muon", which this rate is for.
        batch: pictures per step.
    """
    filter_rate = getattr(module, "filter_rate", None)
    return round(filter_rate(batch), 4) if optimizer == "Muon" and filter_rate else None


def last_matrix(module: nn.Module) -> str:
    """The name of the layer with filters that a network made last: its head, as a rule; "" if none.

    For networks of which no more is known. If it is not the head, the head learns as a filter and
    this layer by SGD, which also works.
    """
    return next(
        (name for name, layer in reversed([*module.named_modules()]) if has_filters(layer)), ""
    )
