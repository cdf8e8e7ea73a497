"""Sampled codes and the divergence of their distribution: L117."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks import spreads as criteria
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import is_weight, shallow
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 12  # sums that are tried in one program
SURE = 2  # of them must show it
NOISE = frozenset(("randn", "randn_like", "normal"))
UNARY = frozenset(
    (
        *("exp", "mul", "div", "softplus", "sqrt", "clamp", "add", "sub", "pow", "abs", "square"),
        "float",
    )
)


@dataclass(frozen=True, slots=True)
class Code:
    """One sampled code: mean + noise × spread.

    Args:
        mean, spread: tensors with a graph.
        source: what the spread was made from, value by value.
        place: where the noise is multiplied.
    """

    mean: Tensor
    spread: Tensor
    source: Tensor
    place: Place | None


class Spreads(Watcher):
    """Follows noise into a code, and tries the sums that know of the code's distribution."""

    codes = ("L117",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.noise: ByIdentity[bool] = ByIdentity()
        self.sources: ByIdentity[Tensor] = ByIdentity()
        self.jitter: ByIdentity[tuple[Tensor, Place | None]] = ByIdentity()
        self.noisy: ByIdentity[bool] = ByIdentity()
        self.codes_seen: list[Code] = []
        self.looks = self.hits = 0

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, Tensor) or self.looks >= LOOKS:
            return
        if name in NOISE:
            self.noise[result] = True
            return
        if not result.requires_grad:
            return
        given = list(shallow((*args, *kwargs.values())))
        if any(self.noisy.get(t) for t in given):
            self.noisy[result] = True
        elif name in ("mul", "addcmul") and any(self.noise.get(t) for t in given):
            self._look_at_product(name, given, result)
        elif name == "add" and len(given) == 2:
            self._look_at_code(given, result)
        elif name in ("sum", "mean") and self.codes_seen and given[0].numel() > 1:
            self._look_at_sum(result)
        elif name in UNARY and len(given) == 1 and given[0].shape == result.shape:
            first = self.sources.get(given[0])
            self.sources[result] = given[0] if first is None else first

    def _look_at_product(self, name: str, given: list[Tensor], result: Tensor) -> None:
        spread = next((t for t in given[-2:] if not self.noise.get(t)), None)
        if spread is None or not spread.requires_grad or is_weight(spread):
            return
        if name == "addcmul":
            self._keep(given[0], spread, here(), result)
        elif spread.shape == result.shape:
            self.jitter[result] = (spread, here())

    def _look_at_code(self, given: list[Tensor], result: Tensor) -> None:
        for one, other in (given, given[::-1]):
            known = self.jitter.get(one)
            if known is not None and other.requires_grad and other.shape == one.shape:
                self._keep(other, *known, result)

    def _keep(self, mean: Tensor, spread: Tensor, place: Place | None, result: Tensor) -> None:
        source = self.sources.get(spread)
        self.noisy[result] = True
        self.codes_seen = self.codes_seen[-7:]
        self.codes_seen.append(Code(mean, spread, spread if source is None else source, place))

    def _look_at_sum(self, total: Tensor) -> None:
        for code in self.codes_seen:
            wanted = (code.mean, code.source)
            with torch.enable_grad():
                slopes = torch.autograd.grad(
                    total.sum(), wanted, retain_graph=True, allow_unused=True
                )
                if slopes[0] is None or slopes[1] is None:
                    continue
                self.looks += 1
                if code.spread is code.source:
                    slope = 1 / code.spread
                else:
                    (slope,) = torch.autograd.grad(
                        code.spread.log().sum(), code.source, retain_graph=True
                    )
            found = list(
                criteria.spreads_differ(code.mean, code.source, code.spread, slope, *slopes)
            )
            self.hits += bool(found)
            if self.hits == SURE and found:
                self.world.adopt(found, code.place)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:  # noqa: ARG002
        self.codes_seen = []
