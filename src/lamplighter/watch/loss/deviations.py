"""Answers that are a variance in the loss, and a deviation in the evaluation: L117."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.spreads import variance_is_used_as_deviation
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import KEEPING, PICKING, RESHAPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

Answer = tuple[int, int]  # a network, and the number of the tensor in its answer
CARRYING = KEEPING | RESHAPING | PICKING
ROOTS = frozenset(("sqrt", "rsqrt", "log", "pow"))


class Deviations(Watcher):
    """Remembers which answers `gaussian_nll_loss` got as variance, and what is done with them."""

    codes = ("L117",)
    operations = CARRYING | ROOTS | {"mul", "div", "add", "sub", "rsub", "abs"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: ByIdentity[Answer] = ByIdentity()
        self.means: set[Answer] = set()
        self.variances: dict[Answer, Place | None] = {}
        self.errors: ByIdentity[bool] = ByIdentity()
        self.widths: ByIdentity[Answer] = ByIdentity()
        self.used: dict[Answer, str] = {}
        self.rooted: set[Answer] = set()

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        for number, tensor in enumerate(shallow((output,))):
            self.answers[tensor] = (id(module), number)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if name != "gaussian_nll_loss":
            return
        mean, variance = (self.answers.get(given.get(k)) for k in ("input", "var"))
        if mean is not None and variance is not None and mean != variance:
            self.means.add(mean)
            self.variances.setdefault(variance, here())

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not self.variances or torch.is_grad_enabled() or not isinstance(result, Tensor):
            return
        given = list(shallow((*args, *kwargs.values())))
        known = [self.answers.get(t) for t in given]
        variance = next((a for a in known if a in self.variances), None)
        if name in CARRYING and len(given) == 1 and known[0] is not None:
            self.answers[result] = known[0]
        elif variance is not None and name in ROOTS:
            self.rooted.add(variance)
        elif variance is not None and name == "mul" and len(given) == 1:
            self.widths[result] = variance
        elif variance is not None and name == "div" and len(given) == 2:
            if known[1] == variance and self.errors.get(given[0]):
                self.used[variance] = "the distance from the mean is divided by it"
        elif name in ("add", "sub", "rsub") and len(given) == 2:
            self._look_at_sum(given, known, result, variance)
        elif name in ("abs", *CARRYING) and given and self.errors.get(given[0]):
            self.errors[result] = True

    def _look_at_sum(
        self,
        given: list[Tensor],
        known: list[Answer | None],
        result: Tensor,
        variance: Answer | None,
    ) -> None:
        mean = any(a in self.means for a in known)
        wide = variance or next((w for t in given if (w := self.widths.get(t)) is not None), None)
        if mean and wide is not None:
            self.used[wide] = "a multiple of it is added to the mean, or taken from it"
        elif mean:
            self.errors[result] = True

    def ended(self) -> None:
        for answer, how in self.used.items():
            if answer not in self.rooted and not self.world.found("L117"):
                self.world.adopt(variance_is_used_as_deviation(how), self.variances[answer])
