"""Numbers that are no numbers, and updates that do not happen: P101, P102, P103, P104."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks import precision
from lamplighter.watch.events import Watcher
from lamplighter.watch.loss.graphs import breaking_operation
from lamplighter.watch.source.place import Place, here, line_of_class
from lamplighter.watch.source.statements import only_call_of

if TYPE_CHECKING:
    from lamplighter.watch.world import World


HALF = (torch.bfloat16, torch.float16)
EARLY = 3  # backward passes whose graphs are searched for what may break later


class Finite(Watcher):
    """Looks at the loss on the CPU at every step, on a GPU where the program reads it anyway."""

    codes = ("P102", "P103", "P104")
    always = frozenset({"backward_starts", "clipped", "scaled", "unscaled"})

    def __init__(self, world: World) -> None:
        self.world = world
        self.told = False
        self.scalers: dict[int, list[int]] = {}
        self.unscaled_since: set[int] = set()
        self.count = 0
        self.looked: set[int] = set()
        self.breaking: tuple[str, str] | None = None

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        self.count += 1
        root = roots[0]
        if self.count <= EARLY and self.breaking is None:
            self.breaking = breaking_operation(root)  # its gradient may break the next step
        if self.told or root.numel() != 1 or not root.is_floating_point():
            return
        if root.is_cpu or self.count & (self.count - 1) == 0:
            value = root.item()
            if value - value != 0.0 and not self.scalers:  # so for NaN and infinity alone
                self._report(root)

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if id(optimizer) not in self.looked:
            self.looked.add(id(optimizer))
            place = self.world.owner_record(optimizer).place
            self.world.adopt(precision.eps_vanishes([optimizer]), place)

    def number_read(self, tensor: torch.Tensor, value: Any) -> None:
        if not self.told and tensor.numel() == 1 and tensor.grad_fn is not None:
            self._report(tensor)

    def _report(self, loss: torch.Tensor) -> None:
        self.told = True
        step = self.world.steps + 1
        where, what = self._first_bad()
        cause = breaking_operation(loss) or self.breaking
        if cause is not None:
            what += f"; there is {cause[1]} in its graph"
        kind = "NaN" if bool(torch.isnan(loss.detach()).any()) else "infinite"
        self.world.report(
            "P103",
            "error",
            where,
            f"the loss is {kind} at step {step}; {what}",
            "look for a logarithm or division at 0, a square root at 0, too high a learning rate, "
            "or float16 without a scaler",
            (self._line_of(cause[0]) if cause is not None else None) or here(),
        )

    def _line_of(self, function: str) -> Place | None:
        """The only line of the program that calls this function."""
        near = here()
        kinds = {type(part) for _, network in self.world.networks() for part in network.modules()}
        places = [near, *(line_of_class(kind) for kind in kinds)]
        return only_call_of((p.file for p in places if p is not None), function)

    def _first_bad(self) -> tuple[str, str]:
        for model, module in self.world.networks():
            for name, parameter in module.named_parameters():
                if not bool(torch.isfinite(parameter.detach()).all()):
                    return f"`{model.name}.{name}`", "this parameter is not finite any more"
        return "loss", "all parameters are still finite, so it arises in this forward pass or loss"

    # half precision

    def unscaled(self, optimizer: torch.optim.Optimizer) -> None:
        self.unscaled_since.add(id(optimizer))

    def scaled(self, scaler: Any, optimizer: torch.optim.Optimizer) -> None:
        if not scaler.is_enabled():
            return
        self.scalers.setdefault(id(scaler), [])
        self.unscaled_since.discard(id(optimizer))

    def clipped(self, parameters: list[torch.Tensor]) -> None:
        if not self.scalers or self.world.steps < 2:
            return
        mine = {id(p) for p in parameters}
        for key, record in self.world.optimizers.items():
            if key in self.unscaled_since or not any(id(p) in mine for p in record.parameters()):
                continue
            self.world.report(
                "P104",
                "error",
                "gradients",
                "they are clipped while the scaler's factor is still on them, so the limit means "
                "nothing",
                "call scaler.unscale_(optimizer) before clipping",
                here(),
            )


class Rounding(Watcher):
    """Whether the weights really move: looks at steps 2, 64 and 256 of each optimizer.

    What the program adds to half-precision weights by its own hand is looked at as it is added.
    """

    codes = ("P101",)
    operations = frozenset({"add", "sub"})

    LOOKS = (2, 64, 256)
    BY_HAND = 3  # sums on the same weight that must all round to nothing
    MOST_WEIGHTS = 8

    def __init__(self, world: World) -> None:
        self.world = world
        self.before: dict[int, list[tuple[nn.Parameter, torch.Tensor, torch.Tensor]]] = {}
        self.lost: dict[int, int] = {}  # where a weight lies in memory → sums that were lost

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """`p -= lr * g`, `p.data.add_(g, alpha=-lr)`: a half-precision weight moved by hand."""
        if len(args) < 2 or result is not args[0]:
            return
        step = args[1]
        if not isinstance(step, torch.Tensor) or result.dtype not in HALF:
            return
        if result.shape != step.shape or (torch.is_grad_enabled() and result.requires_grad):
            return
        key = result.data_ptr()
        if self.lost.get(key, 0) < 0 or (key not in self.lost and not self._is_weight(result)):
            return
        with torch.no_grad():
            sign = -1.0 if name == "sub" else 1.0
            change = sign * float(kwargs.get("alpha", 1)) * step.detach().float()
            found = list(precision.sum_rounded_away(self._name(result), result.detach(), change))
        self.lost[key] = self.lost.get(key, 0) + 1 if found else -1
        if self.lost[key] == self.BY_HAND:
            self.world.adopt_new(found, here())

    def _is_weight(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor is a weight of a network in training, or its `.data`."""
        if len(self.lost) >= self.MOST_WEIGHTS:
            return False
        mine = any(
            p.data_ptr() == tensor.data_ptr() and p.shape == tensor.shape and p.requires_grad
            for _, module in self.world.networks()
            for p in module.parameters()
        )
        if not mine:
            self.lost[tensor.data_ptr()] = -1
        return mine

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if closure or self.world.owner_record(optimizer).steps + 1 not in self.LOOKS:
            return
        kept = []
        for group in optimizer.param_groups:
            half = [p for p in group["params"] if p.dtype in HALF]
            for parameter in half[:2]:
                if parameter.grad is not None and parameter.numel() <= 2**22:
                    kept.append(
                        (parameter, parameter.detach().clone(), parameter.grad.detach().clone())
                    )
        if kept:
            self.before[id(optimizer)] = kept

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        record = self.world.owner_record(optimizer)
        rate = max((float(g.get("lr", 0)) for g in optimizer.param_groups), default=0.0)
        for parameter, old, gradient in self.before.pop(id(optimizer), []):
            found = precision.updates_rounded_away(
                self._name(parameter), old, parameter.detach(), gradient, rate=rate
            )
            self.world.adopt(found, record.place)

    def _name(self, parameter: torch.Tensor) -> str:
        for _, module in self.world.networks():
            for name, other in module.named_parameters():
                if other is parameter or other.data_ptr() == parameter.data_ptr():
                    return name
        return "a parameter"
