"""Losses of pairs whose labels they take for the opposite of what was meant: L112."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.own_forms import classes_pushed_apart, is_zero_or_one, way_of_pairs
from lamplighter.watch.data.arrays import arrays_in_sight, origin_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.factors import Factor, HeldFactors
from lamplighter.watch.loss.graphs import is_loss
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import is_weight, shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import BENDING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 6  # backward passes whose pairs are looked for
SURE = 3  # of them must show it, and none the contrary
FEWEST, MOST = 16, 32  # pairs that are looked at
KINDS = 4  # pairs of each kind among them
MOST_LABELS = 8
DISTANCE, SIMILARITY = Factor("distance"), Factor("similarity", sign=-1.0)
READY = {"pairwise_distance": DISTANCE, "cosine_similarity": SIMILARITY}
SUMMING = frozenset(("sum", "mean", "norm", "linalg_norm", "linalg_vector_norm", "vector_norm"))
CHOOSING = frozenset(("mul", "where", "__getitem__", "masked_select", "dot"))


@dataclass(eq=False, slots=True)
class Labels:
    """A row of 0 and 1 that met a loss, and where."""

    values: Tensor
    place: Place | None


class PairsApart(Watcher):
    """Asks the graph of the loss which pairs are pulled together, and the program's arrays why."""

    codes = ("L112",)
    operations = BENDING | SUMMING | CHOOSING | {"sub", *READY}

    def __init__(self, world: World) -> None:
        self.world = world
        self.parts: ByIdentity[Factor] = ByIdentity()
        self.inputs: list[Tensor] = []
        self.labels: list[Labels] = []
        self.distances = HeldFactors(MOST_LABELS)
        self.looks = 0
        self.hits = Often(SURE)
        self.over = False

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        if self.over or not torch.is_grad_enabled():
            return
        given = [t.detach() for t in shallow((*args, *kwargs.values())) if t.dim() > 1]
        self.inputs = [*self.inputs, *given[:2]][-4:]

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.over or not isinstance(result, Tensor) or not result.requires_grad:
            return
        first = args[0] if args else kwargs.get("input", kwargs.get("x1"))
        if name in ("sub", "mul") and result.dim() == 2 and _of_two_answers(args):
            self.parts[result] = DISTANCE if name == "sub" else SIMILARITY
        elif name in BENDING and (known := self.parts.get(first)) is not None:
            self.parts[result] = known
        elif name in SUMMING and (known := self.parts.get(first)) is not None:
            if isinstance(first, Tensor) and result.numel() == len(first):
                self.distances.hold(known, result)
        elif (kind := READY.get(name)) is not None and result.dim() == 1:
            given = list(shallow((*args, *kwargs.values())))
            if given and all(t.requires_grad for t in given):
                self.distances.hold(kind, result)
        if name in CHOOSING and len(self.distances) and len(self.labels) < MOST_LABELS:
            for tensor in shallow(args):
                count = tensor.numel()
                row = tensor.dim() and count == max(tensor.shape) and count >= FEWEST
                if row and not tensor.requires_grad and is_zero_or_one(tensor):
                    self.labels.append(Labels(tensor.detach().flatten()[:MOST] != 0, here()))

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        labels, self.labels = self.labels, []
        inputs, self.inputs = self.inputs, []
        if not self.distances.held:
            return
        distances, self.distances = self.distances, HeldFactors(MOST_LABELS)
        if self.over or not labels or not is_loss(roots[0]):
            return
        self.looks += 1
        self.over = self.looks >= LOOKS
        for one, slope in distances.slopes(roots[0]):
            found = self._kind(inputs, labels, slope.flatten() * one.factor.sign)
            if found is None:
                continue
            way, classes, place = found
            self.over |= way != "wrong"
            if way == "wrong" and self.hits.again():
                self.over = True
                self.world.adopt(classes_pushed_apart(classes, SURE), place)
            return

    def woken(self) -> None:
        self.labels, self.distances, self.inputs = [], HeldFactors(MOST_LABELS), []

    def _kind(
        self, inputs: list[Tensor], labels: list[Labels], slope: Tensor
    ) -> tuple[str, str, Place | None] | None:
        """Which way the pairs go whose labels say by the program's own classes what they are."""
        for one, other in _pairs(inputs, len(slope)):
            for name, same in _by_class(one, other):
                for label in labels:
                    mine = label.values.cpu()
                    if len(mine) >= len(same) and _are_opposite_or_alike(mine[: len(same)], same):
                        way = way_of_pairs(same, slope[: len(same)].detach().cpu())
                        return way, name, label.place
        return None


def _of_two_answers(args: tuple[Any, ...]) -> bool:
    both = [a for a in args if isinstance(a, Tensor) and a.requires_grad and not is_weight(a)]
    return len(both) == 2 and both[0] is not both[1] and both[0].shape == both[1].shape


def _pairs(inputs: list[Tensor], count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The inputs of which pairs may have been made: two of one length, or the halves of one."""
    for at, one in enumerate(inputs):
        for other in inputs[at + 1 :]:
            if len(one) == len(other) == count and one.shape == other.shape:
                yield one, other
    for one in inputs:
        if len(one) == 2 * count:
            yield one[:count], one[count:]
            yield one[::2], one[1::2]


def _by_class(one: Tensor, other: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Which pairs are of one class, by each array of class numbers beside that of the samples."""
    few = min(len(one), MOST)
    arrays = arrays_in_sight()
    origin = origin_of(torch.cat([one[:few], other[:few]]), arrays)
    if origin is None or few < FEWEST:
        return
    left, right = origin.indices[:few], origin.indices[few:]
    for array in arrays:
        values = array.values
        if len(values) != len(origin.array.values) or values.dim() != 1:
            continue
        if values.is_floating_point() or not 1 < len(values.unique()) <= len(values) // 4:
            continue
        yield array.name, values[left] == values[right]


def _are_opposite_or_alike(labels: Tensor, same: Tensor) -> bool:
    """Whether labels say which pairs are of one class, or which are not."""
    if not KINDS <= int(same.sum()) <= len(same) - KINDS:
        return False
    return torch.equal(labels, same) or torch.equal(labels, ~same)
