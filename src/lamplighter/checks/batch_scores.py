"""Scores whose mean over batches is another number than their value over all answers: E104."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# means over samples, which are as good when they are averaged over batches; either argument first
OF_EACH_SAMPLE = (
    *("mean_squared_error", "root_mean_squared_error", "mean_absolute_error"),
    *("median_absolute_error",),
)
MOST_CLASSES = 200
SAME = 2e-5  # how far a program's own formula may be off, which adds a little below its fractions


@dataclass(frozen=True)
class BatchScore:
    """One score of one evaluation.

    Args:
        name: such as "F1 (macro)".
        parts: its value for each batch where it is defined.
        whole: its value over all answers at once.
        sizes: samples of these batches.
    """

    name: str
    parts: tuple[float, ...]
    whole: float
    sizes: tuple[int, ...]

    @property
    def mean(self) -> float:
        """What the program reports."""
        return sum(self.parts) / len(self.parts)

    def totals(self) -> tuple[float, ...]:
        """What a running total of it comes to, plain or weighed by the batches' sizes."""
        weighed = sum(p * n for p, n in zip(self.parts, self.sizes, strict=True))
        return sum(self.parts), weighed

    def is_listed(self, values: Sequence[float]) -> bool:
        """Whether a list holds just these parts."""
        if len(values) != len(self.parts):
            return False
        return all(abs(a - b) <= SAME for a, b in zip(values, self.parts, strict=True))


def batch_scores(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Iterator[BatchScore]:
    """The scores that may not be averaged over batches, as far as they differ from the accuracy.

    Args:
        outputs: `(B, C)` scores of classes, or `(B,)`, `(B, 1)` of one; for each batch.
        targets: `(B,)` or `(B, 1)` class numbers, or zeros and ones, or real numbers.
    """
    sizes = [len(t) for t in targets]
    made: Iterator[tuple[str, list[float], float]]
    if outputs[0].dim() == 2 and outputs[0].shape[1] > 1:
        made = _of_classes(outputs, targets)
    elif all(bool(((t == 0) | (t == 1)).all()) for t in targets):
        made = _of_two(outputs, targets)
    else:
        made = _of_numbers(outputs, targets)
    for name, parts, whole in made:
        kept = [(p, n) for p, n in zip(parts, sizes, strict=True) if p == p]
        if len(kept) >= 3 and whole == whole and len({round(p, 6) for p, _ in kept}) >= 3:
            yield BatchScore(name, tuple(p for p, _ in kept), whole, tuple(n for _, n in kept))


Made = Iterator[tuple[str, list[float], float]]


def _of_classes(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Made:
    classes = outputs[0].shape[1]
    if classes > MOST_CLASSES or any(int(t.max()) >= classes or int(t.min()) < 0 for t in targets):
        return
    answers = [o.argmax(1) for o in outputs]
    yield from _of_answers(answers, [t.reshape(-1).long() for t in targets], classes)
    if classes == 2:
        margins = [o[:, 1] - o[:, 0] for o in outputs]
        yield from _ranked(margins, targets)


def _of_two(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Made:
    flat, right = [o.reshape(-1) for o in outputs], [t.reshape(-1).long() for t in targets]
    for cut in (0.0, 0.5):
        answers = [(o > cut).long() for o in flat]
        if len(torch.cat(answers).unique()) == 2:
            yield from _of_answers(answers, right, 2)
    yield from _ranked(flat, targets)


def _of_answers(answers: Sequence[Tensor], targets: Sequence[Tensor], classes: int) -> Made:
    tables = torch.stack(
        [
            torch.bincount(t * classes + a, minlength=classes**2).reshape(classes, classes)
            for a, t in zip(answers, targets, strict=True)
        ]
    ).double()
    everything = tables.sum(0, keepdim=True)
    share = tables.diagonal(dim1=1, dim2=2).sum(1) / tables.sum((1, 2))
    for undefined in (0.0, 1.0):
        whole = _from_tables(everything, undefined)
        for name, parts in _from_tables(tables, undefined).items():
            if not torch.allclose(parts, share, atol=1e-6):  # an accuracy may be averaged
                yield name, parts.tolist(), float(whole[name])


def _from_tables(tables: Tensor, undefined: float) -> dict[str, Tensor]:
    """F1, precision and recall `(n,)` of confusion tables `(n, true, answered)`."""
    hits = tables.diagonal(dim1=1, dim2=2)
    answered, right = tables.sum(1), tables.sum(2)
    ways = {
        "F1": (2 * hits, answered + right),
        "precision": (hits, answered),
        "recall": (hits, right),
    }
    found: dict[str, Tensor] = {}
    present = (answered + right) > 0
    for name, (over, under) in ways.items():
        values = torch.where(under > 0, over / under.clamp(min=1), torch.full_like(over, undefined))
        found[f"{name} (macro)"] = (values * present).sum(1) / present.sum(1)
        found[f"{name} (macro, of all classes)"] = values.mean(1)
        found[f"{name} (weighted)"] = (values * right).sum(1) / right.sum(1)
        if tables.shape[1] == 2:
            found[f"{name} (of class 1)"] = values[:, 1]
            found[f"{name} (of class 0)"] = values[:, 0]
    seen = right > 0
    recalls = torch.where(seen, hits / right.clamp(min=1), torch.zeros_like(hits))
    found["balanced accuracy"] = recalls.sum(1) / seen.sum(1)
    return found


def _ranked(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Made:
    pairs = [
        (o.reshape(-1).double(), t.reshape(-1) > 0.5) for o, t in zip(outputs, targets, strict=True)
    ]
    whole = (torch.cat([o for o, _ in pairs]), torch.cat([t for _, t in pairs]))
    yield "area under the ROC curve", [_area(o, t) for o, t in pairs], _area(*whole)
    yield "average precision", [_precision(o, t) for o, t in pairs], _precision(*whole)


def _area(scores: Tensor, right: Tensor) -> float:
    """The share of pairs of both kinds that are in order; ties count half."""
    high, low = scores[right].sort().values, scores[~right].sort().values
    if not len(high) or not len(low):
        return float("nan")
    below = torch.searchsorted(low, high)
    upto = torch.searchsorted(low, high, right=True)
    return float((below + upto).double().sum() / 2) / (len(high) * len(low))


def _precision(scores: Tensor, right: Tensor) -> float:
    if not bool(right.any()) or len(scores.unique()) < len(scores):
        return float("nan")
    hits = right[scores.argsort(descending=True)].double()
    precisions = hits.cumsum(0) / torch.arange(1, len(hits) + 1, dtype=torch.float64)
    return float((precisions * hits).sum() / hits.sum())


def _of_numbers(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Made:
    pairs = [
        (o.reshape(-1).double(), t.reshape(-1).double())
        for o, t in zip(outputs, targets, strict=True)
    ]
    whole = (torch.cat([o for o, _ in pairs]), torch.cat([t for _, t in pairs]))
    for name, score in {"R²": _explained, "correlation": _correlation, "RMSE": _root}.items():
        yield name, [score(o, t) for o, t in pairs], score(*whole)


def _explained(answers: Tensor, right: Tensor) -> float:
    spread = float(((right - right.mean()) ** 2).sum())
    return 1 - float(((answers - right) ** 2).sum()) / spread if spread else float("nan")


def _correlation(answers: Tensor, right: Tensor) -> float:
    if len(right) < 2:
        return float("nan")
    return float(torch.corrcoef(torch.stack([answers, right]))[0, 1])


def _root(answers: Tensor, right: Tensor) -> float:
    return float(((answers - right) ** 2).mean().sqrt())
