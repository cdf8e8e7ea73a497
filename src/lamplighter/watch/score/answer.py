"""One answer of a network on its way to a figure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lamplighter.checks.finding import Finding
from lamplighter.watch.score.logits import WHOLE, End, Part, Source
from lamplighter.watch.source.place import Place


@dataclass(frozen=True, slots=True)
class Answer:
    """Scores of a network on their way to a figure.

    Args:
        kind: "raw", "sigmoid", "softmax", "moved" where something was taken from it, or "decided".
        owner: id of the network.
        samples: length of dimension 0 when the network answered.
        odd: a finding that holds once it is compared, as dimension and shape of its argmax or
            softmax.
        yes: a finding of a cut that says yes to all; it holds once that is used as an answer, and
            not of `assert (share >= 0).all()`.
        place: of the argmax, or of that cut.
        end: the layer that it comes from, where the network answers with one tensor alone.
        part: which of a network's answers it is.
    """

    kind: str
    owner: int
    samples: int
    odd: tuple[int | None, tuple[int, ...]] | None = None
    yes: tuple[Finding, ...] = ()
    place: Place | None = None
    end: End | None = None
    part: Part = WHOLE

    @property
    def source(self) -> Source:
        """The network, its last layer, and the part of its answers."""
        return self.owner, self.end, self.part


def moved(answer: Answer) -> Answer:
    """The answer after something was added to it or multiplied with it: a cut at 0 says no more."""
    return replace(answer, kind="moved") if answer.kind in ("raw", "sigmoid") else answer
