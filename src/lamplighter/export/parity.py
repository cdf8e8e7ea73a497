"""Whether an exported file says what its artifact says, picture by picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lamplighter.errors import AnswerIsNo
from lamplighter.predict import Model
from lamplighter.tasks.task import probabilities

# Float32 sums in another order differ by about 1e-6 in a probability; a wrong operator, a swapped
# channel or a forgotten mean differs by far more than this.
TOLERANCE = 1e-4
MADE = 32  # pictures that are generated where there are no others
NAMED = 5


@dataclass(frozen=True)
class Agreement:
    """What the comparison found.

    Args:
        pictures: how many were answered by both.
        equal: for how many both gave the same answer.
        largest: largest difference of any probability (for regression: relative, of any value).
        kind: which pictures, in words.
        different: names of pictures with another answer or too large a difference; the first few.
    """

    pictures: int
    equal: int
    largest: float
    kind: str
    different: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every answer is equal and no figure differs by more than rounding."""
        return self.pictures > 0 and self.equal == self.pictures and self.largest <= TOLERANCE

    def __str__(self) -> str:
        return (
            f"{self.equal} of {self.pictures} answers equal on {self.kind}, "
            f"largest difference {self.largest:.0e}"
        )

    def as_json(self) -> dict[str, Any]:
        """The stable form of `--json`."""
        return {
            "pictures": self.pictures,
            "equal": self.equal,
            "largest_difference": self.largest,
            "on": self.kind,
            "agrees": self.holds,
            "different": list(self.different),
        }


def agree(
    model: Model,
    exported: Callable[[np.ndarray], np.ndarray],
    squares: Sequence[np.ndarray],
    names: Sequence[str],
    kind: str,
) -> Agreement:
    """Asks both about the same pictures.

    Args:
        model: the artifact's network, as `lamp predict` runs it.
        exported: uint8 [B, S, S, C] → float32 [B, K].
        squares: uint8 [S, S, C] each, as `Model.square` gives them; one or more.
        names: of the pictures, in the same order.
        kind: which pictures these are, in words.
    """
    size = (
        model.artifact.preprocess.inference_batch(model.device.type)
        if model.artifact.preprocess
        else 1
    )
    equal, largest = 0, 0.0
    different: list[str] = []
    # the first alone, the others in batches: the batch dimension must be free
    starts = [0, *range(1, len(squares), size)]
    for start, end in zip(starts, [*starts[1:], len(squares)], strict=True):
        stack_BHWC = np.stack(squares[start:end])
        ours_BK, answers_B = _figures(model, stack_BHWC)
        theirs_BK = np.asarray(exported(stack_BHWC))
        gaps_B = _gaps(model.artifact.task, ours_BK, theirs_BK)
        same_B = _same(model.artifact.task, answers_B, theirs_BK, gaps_B)
        equal += int(same_B.sum())
        largest = max(largest, float(gaps_B.max()))
        bad_B = ~same_B | (gaps_B > TOLERANCE)
        different += [names[start + int(i)] for i in np.flatnonzero(bad_B)]
    return Agreement(len(squares), equal, largest, kind, tuple(different[:NAMED]))


def insist(agreement: Agreement, what: str) -> None:
    """Ends the work where an exported file does not agree.

    Raises:
        AnswerIsNo: with the figures and the first pictures that differ.
    """
    if agreement.holds:
        return
    raise AnswerIsNo(
        f"the exported file does not agree with the model: {agreement}; more than {TOLERANCE:g} "
        f"is no rounding. First: {', '.join(map(ascii, agreement.different))}. It was not kept",
        where=what,
        fix="this is a fault of the exporter or of an operator: --to program may agree",
    )


def made_pictures(size: int, channels: int) -> list[np.ndarray]:
    """Pictures for want of real ones: flat, slopes and noise, the same ones each time."""
    generator = np.random.default_rng(0)
    slope_S = np.linspace(0, 255, size).astype(np.uint8)
    across = np.broadcast_to(slope_S[None, :, None], (size, size, channels))
    down = np.broadcast_to(slope_S[:, None, None], (size, size, channels))
    flat = [np.full((size, size, channels), value, np.uint8) for value in (0, 128, 255)]
    plain = [*flat, np.ascontiguousarray(across), np.ascontiguousarray(down)]
    for _ in range(MADE - len(plain)):
        coarse = generator.integers(0, 256, (1 + size // 8, 1 + size // 8, channels), np.uint8)
        blocks = coarse.repeat(8, axis=0).repeat(8, axis=1)[:size, :size]
        plain.append(np.ascontiguousarray(blocks))
    return plain


def _figures(model: Model, stack_BHWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (values in regression) and the answers that `predict` takes from the logits."""
    images = torch.from_numpy(stack_BHWC.transpose(0, 3, 1, 2).copy())
    logits_BK = model.logits(images)
    task = model.artifact.task
    if task == "regression":
        values = logits_BK.reshape(len(logits_BK), -1).numpy()
        return values, values
    shares = probabilities(task, logits_BK / model.artifact.temperature).numpy()
    answers = logits_BK > 0 if task == "multilabel" else logits_BK.argmax(dim=1)
    return shares, answers.numpy()


def _gaps(task: str, ours_BK: np.ndarray, theirs_BK: np.ndarray) -> np.ndarray:
    if theirs_BK.shape != ours_BK.shape:
        return np.full(len(ours_BK), np.inf)
    gaps = np.abs(ours_BK.astype(np.float64) - theirs_BK.astype(np.float64))
    if task == "regression":
        gaps = gaps / np.maximum(1.0, np.abs(ours_BK))
    worst = gaps.max(axis=1)
    return np.where(np.isfinite(worst), worst, np.inf)  # a NaN on either side agrees with nothing


def _same(task: str, answers: np.ndarray, theirs_BK: np.ndarray, gaps_B: np.ndarray) -> np.ndarray:
    finite_B = np.isfinite(gaps_B)
    if not finite_B.any():  # another shape, or nothing but NaN
        return finite_B
    if task == "multilabel":
        return finite_B & ((theirs_BK > 0.5) == answers).all(axis=1)
    if task == "regression":
        return finite_B & (gaps_B <= TOLERANCE)
    return finite_B & (theirs_BK.argmax(axis=1) == answers)
