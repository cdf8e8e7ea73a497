"""How sure a figure is: intervals for shares and for anything that can be resampled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]
Z_95 = 1.959963984540054
RESAMPLES = 2000


def wilson(hits: int, n: int) -> Interval:
    """The 95 % interval of a share: where the true share lies, given `hits` of `n`.

    It stays within 0 and 1 and is honest for small n and for shares near 0 or 1, where the usual
    plus-minus is not.

    Args:
        hits: how many were right.
        n: out of how many; 0 gives (0, 1), nothing is known.

    Source: Wilson 1927; the form without continuity correction.
    """
    if n == 0:
        return (0.0, 1.0)
    share = hits / n
    spread = Z_95**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z_95 * (share * (1 - share) / n + spread / (4 * n)) ** 0.5 / (1 + spread)
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    return (low, 1.0 if hits == n else min(1.0, middle + half))


def bootstrap(
    rows: NDArray[np.float64],
    figure: Callable[[NDArray[np.float64]], float],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """The 95 % percentile interval of a figure that is computed from column means.

    Args:
        rows: float64 [N, M], one row per picture.
        figure: from the means of the columns of one resample, float64 [M], to the figure.
        seed: of the resampling, so that a report says the same twice.
        resamples: how many.
    """
    generator = np.random.default_rng(seed)
    n = len(rows)
    drawn = np.empty(resamples)
    for i in range(resamples):
        times = np.bincount(generator.integers(n, size=n), minlength=n)
        drawn[i] = figure(times @ rows / n)
    finite = drawn[np.isfinite(drawn)]
    if not len(finite):
        return (float("nan"), float("nan"))
    low, high = np.percentile(finite, [2.5, 97.5])
    return (float(low), float(high))
