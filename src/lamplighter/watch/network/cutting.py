"""`view` and `reshape` within a network where axes are to change places: D105."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks import cutting as criteria
from lamplighter.checks.data import reshaped_for_permuted
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import is_weight, shallow
from lamplighter.watch.source.place import Place, calling_line
from lamplighter.watch.taps.names import KEEPING, PICKING, TRANSPOSING

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

SURE = 3  # calls of one line
# pictures as they were against what a reshape made of them; noise is as smooth as it was
SMOOTHER = 1.05
RESHAPES = ("view", "reshape", "view_as", "reshape_as")
PRODUCTS = ("matmul", "einsum", "baddbmm")
ATTENTION = "scaled_dot_product_attention"
# what leaves heads heads
CARRYING = frozenset((
    "type_as", "mul", "div", "add", "sub", "dropout", "normalize", "unbind", "chunk", "split",
    "masked_fill", "where", "softmax", "clamp",
))  # fmt: skip
CARRYING |= KEEPING | TRANSPOSING | PICKING


@dataclass(frozen=True, slots=True)
class Cut:
    """A reshape that may be wrong, with its line."""

    kind: criteria.Kind
    given: torch.Size
    made: torch.Size
    name: str
    place: Place


class Cutting(Watcher):
    """Follows reshapes to the attention that shows what they were meant for."""

    codes = ("D105",)
    operations = frozenset((*RESHAPES, *PRODUCTS, ATTENTION, "softmax")) | CARRYING

    def __init__(self, world: World) -> None:
        self.world = world
        self.heads: ByIdentity[Cut] = ByIdentity()
        self.scores: ByIdentity[tuple[Cut, ...]] = ByIdentity()
        self.weights: ByIdentity[bool] = ByIdentity()
        self.rows_of_classes: ByIdentity[Cut] = ByIdentity()
        self.mixed: ByIdentity[bool] = ByIdentity()
        self.hits = Often(SURE)
        self.rows: int | None = None
        self.inside = False  # a network

    def pass_starts(self, current: Pass) -> None:
        loader = current.loader()
        self.rows = loader.batch_size if loader is not None else None

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        self.inside = True

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        self.inside = False

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not torch.is_grad_enabled() or self.world.found("D105"):
            return
        given = list(shallow((*args, *kwargs.values())))
        if not given:
            return
        if name in RESHAPES and isinstance(result, Tensor):
            self._look_at_classes(name, given[0], result)
            self._look_at_reshape(name, given[0], result)
        elif name in PRODUCTS and isinstance(result, Tensor):
            self._look_at_product(given, result)
        elif name == ATTENTION and isinstance(result, Tensor):
            if len(given) > 1 and (cut := self.heads.get(given[0])) and self.heads.get(given[1]):
                self._tell(cut)
            self.mixed[result] = True
        elif name == "softmax" and isinstance(result, Tensor):
            known = self.scores.get(given[0])
            if known is not None:
                self.weights[result] = True
                for cut in known:
                    self._tell(cut)
        elif name in CARRYING:
            self._carry(name, given[0], result)

    def _carry(self, name: str, given: Tensor, result: Any) -> None:
        """Scores, weights and heads stay what they are."""
        several = result if isinstance(result, tuple | list) else (result,)
        marks: tuple[ByIdentity[Any], ...] = (self.heads, self.scores, self.weights)
        if name not in TRANSPOSING:
            marks = (*marks, self.mixed)  # what is mixed may be laid together where it is
        for kept in marks:
            known = kept.get(given)
            for made in several if known is not None else ():
                if isinstance(made, Tensor):
                    kept[made] = known

    def _look_at_product(self, given: list[Tensor], result: Tensor) -> None:
        if len(given) < 2 or any(is_weight(t) for t in given[:2]):
            return
        if any(self.weights.get(t) for t in given[:2]):
            self.mixed[result] = True
        else:
            cuts = [cut for t in given[:2] if (cut := self.heads.get(t)) is not None]
            self.scores[result] = tuple(cuts[:1]) if len(cuts) == 2 else ()

    def _look_at_reshape(self, name: str, given: Tensor, result: Tensor) -> None:
        if given.dim() < 3 or given.shape == result.shape or not given.numel():
            self._carry(name, given, result)
            return
        if criteria.moves_channels(given.shape, result.shape) and not given.requires_grad:
            some = result.detach().reshape(-1, *result.shape[-3:])[:64]
            self.world.adopt(
                reshaped_for_permuted(some, where=name, least=SMOOTHER), calling_line()
            )
            return
        mixed = bool(self.mixed.get(given))
        kind = criteria.kind_of_cut(given.shape, result.shape, rows=self.rows, mixed=mixed)
        if kind is None:
            return
        place = calling_line()
        if place is None:
            return
        cut = Cut(kind, given.shape, result.shape, name, place)
        if kind == "heads":
            self.heads[result] = cut
        elif kind == "merged" or (self._counts(given, kind) and self.hits.again(place)):
            self._tell(cut)

    def _look_at_classes(self, name: str, given: Tensor, result: Tensor) -> None:
        """Scores of shape (batch, classes, places) that are cut into rows of as many classes."""
        several = given.dim() > 2 and result.dim() == 2 and given.requires_grad
        if several and result.shape[1] == given.shape[1] != given.shape[-1]:
            place = calling_line()
            if place is not None and result.shape[1] > 1:
                self.rows_of_classes[result] = Cut(
                    "swapped", given.shape, result.shape, name, place
                )

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        scores, target = given.get("input"), given.get("target")
        if name not in ("cross_entropy", "nll_loss") or not isinstance(target, Tensor):
            return
        cut = self.rows_of_classes.get(scores)
        if cut is not None and target.dim() == 1 and self.hits.again(cut.place):
            self._tell(cut)

    def _counts(self, given: Tensor, kind: criteria.Kind) -> bool:
        """Whether this is the network's own doing, and no trick of relative positions."""
        if kind == "patches":  # maps of learned features may be cut anywhere
            return self.inside and not given.requires_grad
        return (self.inside or given.requires_grad) and self.scores.get(given) is None

    def _tell(self, cut: Cut) -> None:
        found = criteria.axes_cut(cut.kind, cut.given, cut.made, where=cut.name)
        self.world.adopt_new(found, cut.place)
