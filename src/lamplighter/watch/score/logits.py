"""Which answers of which network are logits of yes and no, or probabilities, as its losses tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import nn

from lamplighter.watch.identity import ByIdentity

if TYPE_CHECKING:
    from torch import Tensor

# a part of what a network answered: which tensor of several, then the columns cut out of it
Part = tuple[Any, ...]
WHOLE: Part = (0,)


@dataclass(frozen=True, slots=True)
class End:
    """The last layer of a network, and the shape of the answer to a sample, without its ones.

    One network may be called as a whole at evaluation and by its methods in training, as an
    adversarial step on an embedding does: both end in one layer.
    """

    layer: int
    shape: tuple[int, ...]


Source = tuple[int, End | None, Part]  # id of the network, where its answer ends, and the part
Known = set[tuple[Any, Part]]


@dataclass(eq=False)
class Logits:
    """Parts of answers, by what a loss has made of them.

    Args:
        said: a loss applies the sigmoid, or was given the sigmoid's result.
        squashed: a sigmoid with a gradient came before the program's own loss.
        amounts: a loss takes the answers as they are, or something was subtracted from them.
        probabilities: a loss of probabilities takes the answers as they are.
    """

    said: Known = field(default_factory=set)
    squashed: Known = field(default_factory=set)
    amounts: Known = field(default_factory=set)
    probabilities: Known = field(default_factory=set)
    ends: ByIdentity[int] = field(default_factory=ByIdentity)

    def end_of(self, module: nn.Module, output: Tensor) -> End:
        """Where an answer comes from."""
        layer = self.ends.get(module)
        if layer is None:
            own = [m for m in module.modules() if m._parameters]
            layer = id(own[-1]) if own else id(module)
            self.ends[module] = layer
        return End(layer, tuple(size for size in output.shape[1:] if size > 1))

    def are_said(self, owner: int, end: End | None, part: Part) -> bool:
        """Whether these are logits by a loss that applies the sigmoid."""
        return _is_among(self.said, owner, end, part)

    def are_squashed(self, owner: int, end: End | None, part: Part) -> bool:
        """Whether these are only ever squashed before a loss, and never taken as amounts."""
        squashed = _is_among(self.squashed, owner, end, part)
        return squashed and not _is_among(self.amounts, owner, end, part)

    def are_probabilities(self, owner: int, end: End | None, part: Part) -> bool:
        """Whether these were given as probabilities to a loss."""
        return _is_among(self.probabilities, owner, end, part)


def add(known: Known, owner: int, end: End | None, part: Part) -> None:
    """Notes a part of a network's answers, under the network and under its last layer."""
    known.add((owner, part))
    if end is not None:
        known.add((end, part))


def columns_of(name: str, args: tuple[Any, ...], given: Tensor, result: Tensor) -> Part:
    """What an indexing cuts out of every sample; empty where it leaves samples whole."""
    if given.numel() == result.numel() or given.dim() < 2:
        return ()
    if name == "select" and len(args) == 3 and isinstance(args[1], int):
        return () if args[1] % given.dim() == 0 else (f"{args[1] % given.dim()}:{args[2]}",)
    if name == "__getitem__" and len(args) > 1 and isinstance(args[1], tuple):
        before = 0
        if any(part is Ellipsis for part in args[1]):
            before = given.dim() - len(args[1])  # those after the dots are counted from the end
        cut = [(at + before, p) for at, p in enumerate(args[1]) if isinstance(p, int | slice)]
        return tuple(f"{at}:{p}" for at, p in cut if at > 0 and p != slice(None))
    return ()


def _is_among(known: Known, owner: int, end: End | None, part: Part) -> bool:
    """Whether this part was noted, or one that it is cut out of."""
    cuts = [part[:length] for length in range(1, len(part) + 1)]
    return any((key, cut) in known for key in (owner, end) for cut in cuts)
