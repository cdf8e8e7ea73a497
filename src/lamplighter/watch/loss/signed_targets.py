"""Binary likelihoods that a program writes itself, of targets that are −1 and +1: L112."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from lamplighter.checks.own_forms import likelihood_of_signs
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import RESHAPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 3  # backward passes that must show it
LOGARITHMS = frozenset(("log", "log1p", "logsigmoid", "log_sigmoid", "xlogy"))
# what leaves a logarithm one
KEEPING = RESHAPING | {"clamp", "clamp_min", "neg"}
# what leaves a term of a loss one
LINEAR = RESHAPING | {"add", "sub", "rsub", "neg", "mul", "div", "mean", "sum"}
Terms = frozenset[tuple[str, Place | None]]


class SignedTargets(Watcher):
    """Follows what is multiplied with logarithms: y, and 1 − y."""

    codes = ("L112",)
    operations = LOGARITHMS | KEEPING | LINEAR

    def __init__(self, world: World) -> None:
        self.world = world
        self.logarithms: ByIdentity[bool] = ByIdentity()
        self.terms: ByIdentity[Terms] = ByIdentity()
        self.hits = Often(SURE)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, Tensor) or not result.requires_grad:
            return
        if name in LOGARITHMS:
            self.logarithms[result] = True
            return
        if not len(self.logarithms) and not len(self.terms):
            return
        given = list(shallow((*args, *kwargs.values())))
        if name in KEEPING and given and self.logarithms.get(given[0]):
            self.logarithms[result] = True
        elif name == "mul" and len(given) == 2:
            logarithm, target = sorted(given, key=lambda t: not t.requires_grad)
            fits = target.shape == logarithm.shape and not target.requires_grad
            kind = _kind(target) if fits and self.logarithms.get(logarithm) else ""
            if kind:
                self.terms[result] = frozenset({(kind, here())})
                return
        if name in LINEAR and len(self.terms):
            known = frozenset().union(*(self.terms.get(t) or () for t in given))
            if known:
                self.terms[result] = known

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        for root in roots:
            known = self.terms.get(root) or frozenset()
            if {kind for kind, _ in known} == {"y", "1 - y"}:
                place = next(place for kind, place in known if kind == "y")
                if self.hits.again(place):
                    self.world.adopt_new(likelihood_of_signs(), place)


def _kind(target: Tensor) -> str:
    """What a row of −1 and +1, or of 2 and 0 made from such, is in a likelihood."""
    if target.numel() < 2 or target.is_complex():
        return ""
    low, high = (float(v) for v in target.aminmax())
    kind = {(-1.0, 1.0): "y", (0.0, 2.0): "1 - y"}.get((low, high), "")
    return kind if kind and bool(((target == low) | (target == high)).all()) else ""
