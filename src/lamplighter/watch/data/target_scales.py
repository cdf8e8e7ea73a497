"""Targets of training and of evaluation that are in different units: T102."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.batch_scores import OF_EACH_SAMPLE
from lamplighter.checks.batches import is_dense, tensors_in
from lamplighter.checks.losses_seen import AMOUNTS
from lamplighter.checks.transforms import targets_scaled_differently
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.watch.world import World

SCORES = (*OF_EACH_SAMPLE, "r2_score", "explained_variance_score")
MOST = 20_000  # targets that are kept of each kind


@dataclass(eq=False)
class Seen:
    """The targets that one network's answers were compared with, in training or without a graph."""

    parts: list[Tensor] = field(default_factory=list)
    size: int = 0
    place: Place | None = None

    def take(self, target: Tensor) -> None:
        """Adds those of a batch, until enough is known."""
        if self.size < MOST:
            self.parts.append(target.detach().reshape(-1).float().clone())
            self.size += target.numel()
            self.place = self.place or here()


class TargetScales(Watcher):
    """Reads what a network's answers are held against as they came from it.

    That is the target of a loss, what is subtracted from an answer or the answer from it, and the
    right values that a score of a library gets beside the answers.
    """

    codes = ("T102",)
    operations = frozenset({"sub", "rsub"})

    def __init__(self, world: World) -> None:
        self.world = world
        # held, not only their addresses: what an answer becomes may come to lie where it lay
        self.answers: list[torch.UntypedStorage] = []
        self.owner = 0
        self.given: list[Tensor] = []  # answers without a graph since the last backward()
        self.given_by = 0
        self.seen: dict[tuple[int, bool], Seen] = {}

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        self.answers, self.owner = [t.untyped_storage() for t in tensors_in(output)], id(module)
        answer = next(tensors_in(output), None)
        if answer is None or answer.requires_grad or not answer.is_floating_point():
            self.given, self.given_by = [], self.owner
        elif answer.numel() + sum(part.numel() for part in self.given) <= MOST:
            if self.given_by != self.owner:
                self.given, self.given_by = [], self.owner
            self.given.append(answer.detach().reshape(-1))

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        self.answers, self.given = [], []

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if name in AMOUNTS:
            self._held_against(given.get("input"), given.get("target"), result)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name not in ("sub", "rsub") or len(args) != 2:
            return
        for one, other in (args, args[::-1]):
            self._held_against(one, other, result)

    def _held_against(self, entered: Any, target: Any, result: Any) -> None:
        if not isinstance(entered, Tensor) or not isinstance(target, Tensor) or not self.answers:
            return
        if not self._is_answer(entered) or self._is_answer(target):
            return
        if target.requires_grad or not target.is_floating_point():
            return
        if target.numel() != entered.numel():
            return
        trains = isinstance(result, Tensor) and result.requires_grad
        self.seen.setdefault((self.owner, trains), Seen()).take(target)

    def _is_answer(self, tensor: Tensor) -> bool:
        if not is_dense(tensor):
            return False
        at = tensor.untyped_storage().data_ptr()
        return any(one.data_ptr() == at for one in self.answers)

    def score_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        truth, said = (_flat(given.get(key)) for key in ("y_true", "y_pred"))
        if name not in SCORES or truth is None or said is None or len(truth) != len(said):
            return
        last: list[Tensor] = []
        for part in reversed(self.given):
            if sum(map(len, last)) >= len(said):
                break
            last.insert(0, part)
        whole = torch.cat(last).float().cpu() if last else None
        if whole is not None and torch.equal(whole, said):
            self.seen.setdefault((self.given_by, False), Seen()).take(truth)

    def ended(self) -> None:
        for owner, trains in list(self.seen):
            one, other = self.seen.get((owner, True)), self.seen.get((owner, False))
            if trains and one is not None and other is not None:
                self.world.adopt(self._told(one, other), other.place)

    def _told(self, one: Seen, other: Seen) -> Iterator[Any]:
        if not self.world.found("T102"):
            train, held_out = torch.cat(one.parts).cpu(), torch.cat(other.parts).cpu()
            yield from targets_scaled_differently(train, held_out)


def _flat(values: Any) -> Tensor | None:
    try:
        made = torch.as_tensor(values).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        return None
    return made.reshape(-1).float() if made.is_floating_point() else None
