"""Sampled codes and the divergence of their distribution: L111, L117, L119."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks import spreads as criteria
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.balance import Balance
from lamplighter.watch.loss.graphs import slopes_at
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import is_weight, shallow
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 12  # sums that know of a code and are looked at
TRIES = 200  # sums that are asked whether they do
SURE = 2  # of them must show it
NOISE = frozenset(("randn", "randn_like", "normal"))
UNIFORM = frozenset(("rand", "rand_like"))
SHIFTED = frozenset(("add", "sub", "rsub", "mul", "div"))
UNARY = SHIFTED - {"rsub"} | {"exp", "softplus", "sqrt", "clamp", "pow", "abs", "square", "float"}
# what may lead from noise to a code and its sums
LEADING = SHIFTED | UNARY | {"addcmul", "sum", "mean"}


@dataclass(frozen=True, slots=True)
class Code:
    """One sampled code: mean + noise × spread.

    Args:
        mean, spread: tensors with a graph.
        source: what the spread was made from, value by value.
        place: where the noise is multiplied.
        uniform: whether the noise is that of `torch.rand`.
    """

    mean: Tensor
    spread: Tensor
    source: Tensor
    place: Place | None
    uniform: bool = False


class Spreads(Watcher):
    """Follows noise into a code, and tries the sums that know of the code's distribution."""

    codes = ("L111", "L117", "L119")

    def __init__(self, world: World) -> None:
        self.world = world
        self.noise: ByIdentity[str] = ByIdentity()
        self.sources: ByIdentity[Tensor] = ByIdentity()
        self.jitter: ByIdentity[tuple[Tensor, Place | None, bool]] = ByIdentity()
        self.noisy: ByIdentity[bool] = ByIdentity()
        self.codes_seen: list[Code] = []
        self.looks = self.tries = 0
        self.hits = Often(SURE)
        self.balance = Balance(world)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, Tensor) or self.looks >= LOOKS:
            return
        if name in NOISE or name in UNIFORM:
            self.noise[result] = "normal" if name in NOISE else "uniform"
            return
        if name not in LEADING and not self.noisy:
            return
        given = list(shallow((*args, *kwargs.values())))
        if not result.requires_grad:
            if name in SHIFTED and len(given) == 1 and (kind := self.noise.get(given[0])):
                self.noise[result] = kind
            return
        if any(self.noisy.get(t) for t in given):
            self.noisy[result] = True
            self.balance.note_error(name, given[0], kwargs, result)
        elif name in ("mul", "addcmul") and any(self.noise.get(t) for t in given):
            self._look_at_product(name, given, result)
        elif name == "add" and len(given) == 2:
            self._look_at_code(given, result)
        elif name in ("sum", "mean") and self.codes_seen and given and given[0].numel() > 1:
            self._look_at_sum(result)
        elif name in UNARY and len(given) == 1 and given[0].shape == result.shape:
            first = self.sources.get(given[0])
            self.sources[result] = given[0] if first is None else first

    def _look_at_product(self, name: str, given: list[Tensor], result: Tensor) -> None:
        spread = next((t for t in given[-2:] if not self.noise.get(t)), None)
        if spread is None or not spread.requires_grad or is_weight(spread):
            return
        uniform = any(self.noise.get(t) == "uniform" for t in given)
        if name == "addcmul":
            self._keep(given[0], spread, here(), uniform, result)
        elif spread.shape == result.shape:
            self.jitter[result] = (spread, here(), uniform)

    def _look_at_code(self, given: list[Tensor], result: Tensor) -> None:
        for one, other in (given, given[::-1]):
            known = self.jitter.get(one)
            if known is not None and other.requires_grad and other.shape == one.shape:
                self._keep(other, *known, result)

    def _keep(
        self, mean: Tensor, spread: Tensor, place: Place | None, uniform: bool, result: Tensor
    ) -> None:
        source = self.sources.get(spread)
        self.noisy[result] = True
        self.codes_seen = self.codes_seen[-7:]
        source = spread if source is None else source
        self.codes_seen.append(Code(mean, spread, source, place, uniform))

    def _look_at_sum(self, total: Tensor) -> None:
        self.tries += 1
        for code in self.codes_seen if self.tries <= TRIES else ():
            to_mean, to_source = slopes_at(total.sum(), (code.mean, code.source))
            if to_mean is None or to_source is None:
                continue
            self.looks += 1
            self.balance.note_divergence(total, code.mean, to_mean)
            if code.uniform:
                found = list(criteria.noise_is_uniform(code.mean, to_mean))
            else:
                slope = _slope_of_logarithm(code)
                told = criteria.spreads_differ(
                    code.mean, code.source, code.spread, slope, to_mean, to_source
                )
                found = list(told)
            if found and self.hits.again():
                self.world.adopt(found, code.place)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        self.codes_seen = []
        self.balance.weigh(roots[0])


def _slope_of_logarithm(code: Code) -> Tensor:
    """How the logarithm of the spread changes with what the spread was made from."""
    if code.spread is code.source:
        return 1 / code.spread
    with torch.enable_grad():
        slope = slopes_at(code.spread.log().sum(), (code.source,))[0]
    assert slope is not None
    return slope
