"""Which pictures the report shows, and their bytes within a budget."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lamplighter.evaluation.outcome import Outcome

MOST_WRONG = 60
SUREST = 40
MOST_RIGHT = 24
MOST_BYTES = 2_200_000
TINY = 64
AT_ONCE = 16  # pictures that are explained together
Picture = Callable[[str], bytes | None]
Explain = Callable[[Sequence[str]], Sequence[bytes | None]]


@dataclass(frozen=True)
class Shown:
    """One picture of the gallery.

    Args:
        key, path: which picture.
        label, answer: in words.
        probability: of the answer; None in regression.
        of_label: probability given to the label; None where that has no meaning.
        right: the answer is the label.
        cell: "row-column" in the confusion matrix; empty for other tasks.
        image: a data URI, or empty where there is no picture or the page has no room for it.
        heat: the same with the heat map on it.
        tiny: so few pixels that they should be shown as squares.
    """

    key: str
    path: str
    label: str
    answer: str
    probability: float | None
    of_label: float | None
    right: bool
    cell: str = ""
    image: str = ""
    heat: str = ""
    tiny: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain values, without the pictures."""
        return {
            "key": self.key,
            "path": self.path,
            "label": self.label,
            "answer": self.answer,
            "probability": self.probability,
        }


def surety(outcome: Outcome, temperature: float) -> NDArray[np.float64]:
    """How sure each answer is, float64 [N]; in regression how far it is off."""
    if outcome.task == "regression":
        gap = outcome.answers().astype(np.float64) - outcome.labels
        return np.abs(gap).reshape(len(gap), -1).mean(axis=1)
    shares = outcome.probabilities(temperature)
    if outcome.task == "multilabel":
        return np.maximum(shares, 1 - shares).min(axis=1)
    return shares.max(axis=1)


def choose_wrong(outcome: Outcome, confidence: NDArray[np.float64]) -> list[int]:
    """Wrong answers, surest first (in regression: the largest errors, largest first).

    With more of them than the page shows, the surest come in first, then the surest of each cell
    of the confusion matrix that has none yet, so that each cell leads to a picture if it can.

    Args:
        outcome: the answers.
        confidence: as `surety` gives it, N of them.
    """
    wrong = np.arange(len(outcome.keys))
    if outcome.task != "regression":
        wrong = np.flatnonzero(~outcome.correct())
    ranked: list[int] = wrong[np.argsort(-confidence[wrong], kind="stable")].tolist()
    if outcome.task != "classification":
        return ranked[:MOST_WRONG]
    answers = outcome.answers()
    cells = {i: (int(outcome.labels[i]), int(answers[i])) for i in ranked}
    chosen = ranked[:SUREST]
    met = {cells[i] for i in chosen}
    for i in ranked[SUREST:]:
        if cells[i] not in met and len(chosen) < MOST_WRONG:
            met.add(cells[i])
            chosen.append(i)
    taken = set(chosen)
    chosen += [i for i in ranked if i not in taken][: MOST_WRONG - len(chosen)]
    place = {i: rank for rank, i in enumerate(ranked)}
    return sorted(chosen, key=place.__getitem__)


def choose_right(outcome: Outcome, confidence: NDArray[np.float64]) -> list[int]:
    """For each class the surest and the least sure right answer, as many as there is room for."""
    if outcome.task != "classification":
        return []
    of_class: dict[int, list[int]] = defaultdict(list)
    right = np.flatnonzero(outcome.correct())
    for i in right[np.argsort(-confidence[right], kind="stable")].tolist():
        of_class[int(outcome.labels[i])].append(i)
    ends = [[group[0]] for group in of_class.values()]
    ends += [[group[-1]] for group in of_class.values() if len(group) > 1]
    chosen = [i for end in ends for i in end][:MOST_RIGHT]
    return sorted(chosen, key=lambda i: (int(outcome.labels[i]), -float(confidence[i])))


def gather(
    outcome: Outcome, chosen: Sequence[int], room: Room, temperature: float = 1.0
) -> list[Shown]:
    """The chosen pictures with their bytes, as long as there is room.

    Args:
        outcome: the answers.
        chosen: positions in the outcome.
        room: where the pictures come from and what the page can still hold.
        temperature: divides the logits.
    """
    found = []
    for start in range(0, len(chosen), AT_ONCE):
        block = chosen[start : start + AT_ONCE]
        heats = room.explained([outcome.keys[i] for i in block])
        for i, drawn in zip(block, heats, strict=True):
            thumbnail = room.thumbnails(outcome.keys[i]) if room.thumbnails else None
            image, tiny = room.take(thumbnail)
            heat, _ = room.take(drawn)
            one = describe(outcome, i, temperature)
            found.append(replace(one, image=image, heat=heat, tiny=tiny))
    return found


def describe(outcome: Outcome, i: int, temperature: float = 1.0) -> Shown:
    """One answer in words, without its picture."""
    alone = outcome.one(i)
    key, path, label, answer = (
        outcome.keys[i],
        outcome.paths[i],
        outcome.labels[i],
        alone.answers()[0],
    )
    if outcome.task == "regression":
        told = (
            ", ".join(f"{v:.4g}" for v in np.ravel(label)),
            ", ".join(f"{v:.4g}" for v in np.ravel(answer)),
        )
        return Shown(key, path, *told, None, None, right=False)
    one = alone.probabilities(temperature)[0]
    if outcome.task == "multilabel":
        names = [
            [c for c, on in zip(outcome.classes, r, strict=True) if on] for r in (label, answer)
        ]
        words = (" + ".join(names[0]) or "none", " + ".join(names[1]) or "none")
        sure = float(np.maximum(one, 1 - one).min())
        return Shown(key, path, *words, sure, None, right=bool((label == answer).all()))
    return Shown(
        key, path, outcome.classes[label], outcome.classes[answer], float(one[answer]),
        float(one[label]), right=bool(label == answer), cell=f"{label}-{answer}",
    )  # fmt: skip


@dataclass
class Room:
    """Where pictures come from, and how many bytes of them the page may still take.

    Args:
        thumbnails: key → JPEG bytes, or None where there is no picture.
        explanations: keys → for each JPEG bytes with the heat map on it.
        left: characters of data URIs.
    """

    thumbnails: Picture | None = None
    explanations: Explain | None = None
    left: int = MOST_BYTES

    def explained(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """Heat maps for these pictures, None where there is none or no room."""
        if self.explanations is None or self.left <= 0:
            return [None] * len(keys)
        return self.explanations(keys)

    def take(self, drawn: bytes | None) -> tuple[str, bool]:
        """A picture as data URI and whether it is tiny; empty where there is none or no room."""
        if drawn is None:
            return "", False
        coded = base64.b64encode(drawn).decode("ascii")
        if len(coded) > self.left:
            return "", False
        self.left -= len(coded)
        with Image.open(BytesIO(drawn), formats=("JPEG", "PNG")) as opened:
            kind, size = opened.format, max(opened.size)
        return f"data:image/{str(kind).lower()};base64,{coded}", size <= TINY
