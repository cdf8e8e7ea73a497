"""What becomes of an accuracy by the usual mistakes: divided wrongly, or counted wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lamplighter.watch.score.metrics import Score

Kind = Literal["divided", "padded", "crossed", "in order", "overwritten"]
_FIXES: dict[Kind, str] = {
    "crossed": "take the argmax over the classes, argmax(1)",
    "overwritten": "gather the answers of all batches, `preds += …`, before they are scored",
    "in order": "keep the labels that came with the batches, or evaluate with shuffle=False",
}


@dataclass(frozen=True)
class Mistake:
    """One way to a wrong accuracy; equal for all evaluations at which it was made alike.

    Args:
        kind: what was done, by which its line is found.
        how: the same in words, after "the right answers are".
        divisor: where the right answers were divided by another number than that of the samples.
    """

    kind: Kind
    how: str
    divisor: int | None = None

    @property
    def fix(self) -> str:
        """What to do about it."""
        whole = "divide by the number of samples that were evaluated, counted from 0 each time"
        return _FIXES.get(self.kind, whole)


SUMMED = Mistake("divided", "summed over all evaluations so far, never set back to 0")
COUNTED = Mistake("divided", "counted over all evaluations so far, never set back to 0")


def values_by_mistake(
    score: Score, train_sizes: Mapping[str, int]
) -> Iterator[tuple[Mistake, float]]:
    """The accuracy of one evaluation as each mistake would make it.

    Args:
        score: the evaluation.
        train_sizes: name → length of what belongs to training.
    """
    for name, size in train_sizes.items():
        yield from _divided(score, "divided", name, size)
    yield from _divided(score, "divided", "the number of batches", score.batches)
    if len(score.crossed) == len(score.sizes) > 0:
        crossed = sum(int(part) for part in score.crossed)
        how = "counted with the argmax over the samples, dimension 0"
        yield Mistake("crossed", how), crossed / score.count
        if score.loader_size:  # a walk that was cut short, divided by the known length
            yield (
                Mistake("crossed", "counted with argmax(0), over the samples"),
                (crossed / score.loader_size),
            )
    if score.in_order is not None:
        how = "compared with the labels in the data set's order, though the loader shuffles"
        yield Mistake("in order", how), score.in_order / score.count
    if score.overwritten is not None:
        how = "those of the last batch alone: each round of the loop overwrites them"
        yield Mistake("overwritten", how), score.last
    padded = score.batches * score.batch_size
    yield from _divided(score, "padded", "batches × batch size", padded)


def _divided(score: Score, kind: Kind, name: str, size: int) -> Iterator[tuple[Mistake, float]]:
    if size and size not in (score.count, score.loader_size):
        yield Mistake(kind, f"divided by {name} ({size})", size), score.correct / size
