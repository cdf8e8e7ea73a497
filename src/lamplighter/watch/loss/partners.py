"""Samples that are mixed with others, and whether their targets follow: Y114."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.finding import Finding
from lamplighter.checks.mixing import Mixture, mixture_of, partners_differ
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.graphs import is_loss, slopes_at
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

MOST = 12  # picks of a step
FEWEST = 4  # samples of a batch
SURE = 2  # steps that must show it
REORDERING = ("__getitem__", "flip", "roll", "index_select")


@dataclass(eq=False)
class Pick:
    """Samples of a batch in another order.

    Args:
        own: the batch as it was.
        others: the same in this order, or a part of each.
        part: the rest of the index, where a part of each was taken.
    """

    own: Tensor
    others: Tensor
    partners: Tensor
    part: tuple[Any, ...]
    place: Place | None


class Partners(Watcher):
    """Remembers batches that were put in another order, and what the network and its loss get."""

    codes = ("Y114",)
    operations = frozenset({"mul", "sub", *REORDERING})

    def __init__(self, world: World) -> None:
        self.world = world
        self.picks: list[Pick] = []
        self.picked: ByIdentity[Pick] = ByIdentity()
        self.inputs: Mixture | None = None
        self.losses: list[tuple[Tensor, Tensor, Any]] = []
        # the losses against the own labels and against those of the partners, whose order is this
        self.pair: tuple[Tensor, Tensor, Pick] | None = None
        self.hits = Often(SURE)
        self.told = False

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name in ("mul", "sub") and self.inputs is not None and not self.told:
            self._in_own_loss(args)
        if name not in REORDERING or len(self.picks) >= MOST:
            return
        own = args[0] if args else None
        if self.told or not isinstance(result, Tensor) or not isinstance(own, Tensor):
            return
        if own.requires_grad or own.dim() == 0 or len(own) < FEWEST:
            return
        if name == "__getitem__" and (whole := self.picked.get(own)) is not None:
            self._take_part(whole, args[1], result)
            return
        order, part = _order(name, args[1:], kwargs, len(own))
        if order is not None:
            kept = own.detach().clone() if own.numel() <= 2**22 else own.detach()
            self.picks.append(Pick(kept, result.detach(), order, part, here()))
            if not part:
                self.picked[result] = self.picks[-1]

    def _take_part(self, whole: Pick, index: Any, result: Tensor) -> None:
        """A part of each of the others, which may be pasted."""
        several = index if isinstance(index, tuple) else (index,)
        if several[:1] == (Ellipsis,):
            several = (slice(None),) * (whole.others.dim() - len(several) + 1) + several[1:]
        if all(isinstance(one, slice) for one in several) and several[0] == slice(None):
            part = several[1:]
            self.picks.append(Pick(whole.own, result.detach(), whole.partners, part, whole.place))

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self.inputs is not None or not self.picks or not torch.is_grad_enabled():
            return
        given = next(tensors_in([*args, *kwargs.values()]), None)
        if not module.training or given is None or given.requires_grad:
            return
        for pick in self.picks:
            mixture = _mixture(given, pick)
            if mixture is not None:
                self.inputs = mixture
                return

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        target, answer = given.get("target"), given.get("input")
        if self.inputs is None or not isinstance(target, Tensor) or not isinstance(answer, Tensor):
            return
        if not self._judge(target, answer, result):
            self.losses.append((answer, target, result))

    def _in_own_loss(self, args: tuple[Any, ...]) -> None:
        """A target that the program multiplies with what its network answered, or subtracts."""
        tensors = [arg for arg in args if isinstance(arg, Tensor)]
        answer = next((t for t in tensors if t.requires_grad), None)
        target = next((t for t in tensors if not t.requires_grad), None)
        if answer is not None and target is not None and target.shape == answer.shape:
            self._judge(target, answer, None)

    def _judge(self, target: Tensor, answer: Tensor, result: Any) -> bool:
        for found, place in self._looked_at(target, answer, result):
            self._count(found, place)
            return True
        return False

    def _count(self, found: Finding, place: Place | None) -> None:
        self.inputs = None
        if self.hits.again():
            self.told = True
            self.world.adopt([found], place)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        """How much each of the two losses counts in what is sent back."""
        pair, self.pair = self.pair, None
        root = roots[0]
        if pair is None or self.inputs is None or not is_loss(root):
            return
        own, other, pick = pair
        slopes = slopes_at(root, (own, other))
        weights = [0.0 if slope is None else float(slope) for slope in slopes]
        if min(weights) < 0 or not sum(weights) > 0:
            return
        share = torch.full((len(pick.partners),), weights[0] / sum(weights), dtype=torch.float64)
        for found in partners_differ(self.inputs, Mixture(pick.partners, share), pick.own):
            self._count(found, pick.place)
            return

    def _looked_at(
        self, target: Tensor, answer: Tensor, result: Any
    ) -> Iterator[tuple[Finding, Place | None]]:
        assert self.inputs is not None
        for pick in self.picks:
            if pick.part or len(pick.own) != len(target):
                continue
            mixture = _mixture(target, pick)
            labels: Tensor | None = pick.own
            if mixture is None:
                # one loss for the own labels, one more for those of the partners
                labels = self._own_labels(target, answer, pick, result)
                unknown = torch.full((len(target),), torch.nan, dtype=torch.float64)
                mixture = Mixture(pick.partners, unknown)
            if labels is not None:
                for found in partners_differ(self.inputs, mixture, labels):
                    yield found, pick.place
                return

    def _own_labels(self, target: Tensor, answer: Tensor, pick: Pick, result: Any) -> Tensor | None:
        if pick.others.shape != target.shape or not torch.equal(pick.others, target):
            return None
        for earlier, labels, before in self.losses:
            if earlier is answer and torch.equal(labels, pick.own):
                both = (before, result)
                if all(isinstance(r, Tensor) and r.requires_grad and r.numel() == 1 for r in both):
                    self.pair = (before, result, pick)
                return labels
        return None

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.picks, self.inputs, self.losses, self.pair = [], None, [], None

    def woken(self) -> None:
        self.picks, self.inputs, self.losses, self.pair = [], None, [], None


def _mixture(given: Tensor, pick: Pick) -> Mixture | None:
    if pick.part:
        if given.shape != pick.own.shape or not given.is_floating_point():
            return None
        pasted = given[(slice(None), *pick.part)]
        if pasted.shape != pick.others.shape or not torch.equal(pasted, pick.others):
            return None
        left = 1 - pasted.numel() / given.numel()
        return Mixture(pick.partners, torch.full((len(given),), left, dtype=torch.float64))
    return mixture_of(given, pick.own, pick.others, pick.partners)


def _order(
    name: str, rest: tuple[Any, ...], kwargs: dict[str, Any], size: int
) -> tuple[Tensor | None, tuple[Any, ...]]:
    """The order in which the samples were taken, where it is one, and the rest of the index."""
    if name in ("flip", "roll"):
        return _turned(name, rest, kwargs, size), ()
    part: tuple[Any, ...] = ()
    index = rest[0] if rest else None
    if name == "index_select":
        index = rest[1] if len(rest) > 1 and rest[0] == 0 else None
    if isinstance(index, tuple) and len(index) > 1:
        index, part = index[0], index[1:]
        if not all(isinstance(one, slice) for one in part):
            return None, ()
    if not isinstance(index, Tensor) or index.dtype != torch.int64 or index.shape != (size,):
        return None, ()
    plain = torch.arange(size, device=index.device)
    if not torch.equal(index.sort().values, plain) or torch.equal(index, plain):
        return None, ()
    return index.detach().cpu(), part


def _turned(name: str, rest: tuple[Any, ...], kwargs: dict[str, Any], size: int) -> Tensor | None:
    """The order after a flip or a roll of the first dimension."""
    names = ("dims",) if name == "flip" else ("shifts", "dims")
    given = dict(zip(names, rest, strict=False)) | kwargs
    if given.get("dims") not in (0, (0,), [0]):
        return None
    if name == "flip":
        return torch.arange(size).flip(0)
    shift = given.get("shifts")
    return torch.arange(size).roll(shift) if isinstance(shift, int) else None
