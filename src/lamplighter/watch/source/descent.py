"""What a tensor of the program was made from, as far as it matters to its losses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import Place

LAYERS = ("linear", "conv1d", "conv2d", "conv3d", "embedding", "bilinear", "matmul", "einsum")
# dimensions placed by hand: whoever writes these knows what meets what
BY_HAND = ("unsqueeze", "view", "reshape", "expand", "expand_as", "view_as", "reshape_as")
SEVERAL = (list, tuple)  # a union would be made anew at each question
KEEPING = ("squeeze", "flatten", "select", "gather", "index_select", "take_along_dim", "detach")


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of one tensor.

    Args:
        answer: number of the layer's answer that it is, value by value; 0: of none.
        by_hand: whether its dimensions were placed by hand.
        derived: whether a network's answer went into it.
        frozen: whether all the answers in it came from weights that nothing moves: with gradients
            on they want none, and without gradients no optimizer has them.
    """

    answer: int = 0
    by_hand: bool = False
    derived: bool = False
    frozen: bool = False


NOTHING = Mark()


class Descent:
    """Marks of the tensors of a few steps; a tensor that dies takes its mark along."""

    def __init__(self) -> None:
        self.marks: ByIdentity[Mark] = ByIdentity()
        self.numbers = count(1)

    def of(self, thing: object) -> Mark:
        """What is known of a tensor; of anything else: nothing."""
        return (self.marks.get(thing) or NOTHING) if isinstance(thing, Tensor) else NOTHING

    def answered(self, output: Any, given: Iterable[Tensor] = (), *, still: bool = False) -> None:
        """A network outside any other has answered.

        Args:
            output: its answer.
            given: its inputs; what moving weights have made stays so, whoever looks at it.
            still: whether no optimizer has any of its weights.
        """
        moved = any(m.derived and not m.frozen for m in map(self.of, given))
        for tensor in shallow((output,)):
            frozen = (still or torch.is_grad_enabled()) and not tensor.requires_grad and not moved
            known = self.of(tensor)
            number = known.answer or next(self.numbers)
            self.marks[tensor] = replace(known, answer=number, derived=True, frozen=frozen)

    def follow(self, name: str, given: list[Tensor], args: tuple[Any, ...], result: Tensor) -> None:
        """Gives a new tensor its mark."""
        made = self._mark(name, given, args, result)
        if made is not NOTHING:
            self.marks[result] = made

    def _mark(self, name: str, given: list[Tensor], args: tuple[Any, ...], result: Tensor) -> Mark:
        known = [m for t in given if (m := self.marks.get(t)) is not None]
        if name in LAYERS and result.requires_grad:
            frozen = all(m.frozen for m in known if m.derived)
            return Mark(next(self.numbers), derived=True, frozen=frozen)
        by_hand = name in BY_HAND or (name == "__getitem__" and _has_none(args))
        if not known and not by_hand:
            return NOTHING
        derived = any(m.derived for m in known)
        frozen = derived and all(m.frozen for m in known if m.derived)
        alike = all(t.shape == result.shape or t.dim() == 0 for t in given)
        alike |= name == "add" and _adds_a_bias(given, result)
        answer = 0
        if alike or by_hand or name in (*KEEPING, "__getitem__"):
            answer = next((m.answer for m in known if m.answer), 0)
        by_hand |= alike and any(m.by_hand for m in known)
        if not (answer or by_hand or derived):
            return NOTHING
        return Mark(answer, by_hand, derived, frozen)


def shallow(things: Iterable[Any]) -> Iterator[Tensor]:
    """The dense tensors among arguments, and in lists, tuples and dictionaries among them."""
    found: list[Tensor] = []  # no generator: this is asked at each operation of a step
    for thing in things:
        if isinstance(thing, Tensor):
            if thing.layout is torch.strided:
                found.append(thing)
        elif isinstance(thing, SEVERAL):
            found += [t for t in thing if isinstance(t, Tensor) and t.layout is torch.strided]
        elif isinstance(thing, dict):
            inner = thing.values()
            found += [t for t in inner if isinstance(t, Tensor) and t.layout is torch.strided]
    return iter(found)


def is_dense(tensor: Tensor) -> bool:
    """Whether a tensor lies in memory value by value: others know few operations."""
    return tensor.layout is torch.strided


def is_weight(tensor: Tensor) -> bool:
    """Whether a tensor is a parameter, or a view of one such as its transpose."""
    return isinstance(tensor, nn.Parameter) or isinstance(tensor._base, nn.Parameter)


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something seen at a line that counts once it reaches `backward()`.

    Args:
        code: of the finding.
        place: the line.
        shapes: of the tensors, or numbers, for the message.
    """

    code: str
    place: Place | None
    shapes: tuple[Any, ...] = ()


def _adds_a_bias(given: list[Tensor], result: Tensor) -> bool:
    """Whether one number for each column is added to an answer, as a layer written out does."""
    whole = [t for t in given if t.shape == result.shape]
    rest = [t for t in given if t.shape != result.shape]
    if len(whole) != 1 or len(rest) != 1 or not (rest[0].is_leaf and rest[0].requires_grad):
        return False
    return rest[0].dim() == 1 and rest[0].shape[0] == result.shape[-1]


def _has_none(args: tuple[Any, ...]) -> bool:
    index = args[1] if len(args) > 1 else ()
    several = index if isinstance(index, tuple) else (index,)
    return any(part is None or part is Ellipsis for part in several)
