"""Scores that were averaged over batches where the average of batches is another number: E104."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor

AVERAGES = ("macro", "weighted", "binary")


def means_over_batches(
    answers: Sequence[Tensor], labels: Sequence[Tensor]
) -> Iterator[tuple[str, float, float]]:
    """F1, precision and recall, averaged over batches and over all answers at once.

    Args:
        answers: class numbers, `(B,)` for each batch.
        labels: the right ones.

    Yields:
        Name of the score, the mean over batches, and its value over all answers.
    """
    import numpy as np
    from sklearn import metrics

    scores: dict[str, Callable[..., Any]] = {
        "F1": metrics.f1_score,
        "precision": metrics.precision_score,
        "recall": metrics.recall_score,
    }
    pairs = [(y.numpy(), a.numpy()) for a, y in zip(answers, labels, strict=True)]
    whole = [np.concatenate(parts) for parts in zip(*pairs, strict=True)]
    two = int(max(whole[0].max(), whole[1].max())) < 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, score in scores.items():
            for average in AVERAGES:
                if average == "binary" and not two:
                    continue
                kinds = {"average": average, "zero_division": 0.0}
                mean = float(np.mean([score(y, a, **kinds) for y, a in pairs]))
                yield f"{name} ({average})", mean, float(score(*whole, **kinds))
