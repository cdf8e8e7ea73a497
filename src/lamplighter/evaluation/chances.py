"""Exact chances of counts, and the lowest point of a curve.

scipy.stats and scipy.optimize have these as well; importing them for three numbers took a report
longer than all its other figures together (0.7 s, 60 MB).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

ALIKE = 1 + 1e-7  # chances that differ by less are equal but for rounding
SHORTER = (5**0.5 - 1) / 2


def at_most(hits: int, n: int, chance: float) -> float:
    """The chance of no more than `hits` successes in `n` trials.

    Args:
        hits, n: counts, 0 ≤ hits ≤ n.
        chance: of a success in one trial, 0 to 1.
    """
    return min(1.0, float(_binomial(n, chance)[: hits + 1].sum()))


def two_sided(hits: int, n: int, chance: float = 0.5) -> float:
    """The chance of counts that are as unlikely as `hits` of `n`, or more so."""
    return _as_unlikely(_binomial(n, chance), hits)


def shares_differ(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """p-value of two shares being of one kind: Fisher's exact test, two-sided.

    Args:
        hits_a, n_a: successes and trials of the one.
        hits_b, n_b: of the other.
    """
    hits, n = hits_a + hits_b, n_a + n_b
    least, most = max(0, hits - n_b), min(hits, n_a)
    if least == most:
        return 1.0
    choose = _log_factorials(n)
    k = np.arange(least, most + 1)
    logs = _ways(choose, n_a, k) + _ways(choose, n_b, hits - k) - _ways(choose, n, np.array(hits))
    return _as_unlikely(np.exp(logs), hits_a - least)


def lowest(curve: Callable[[float], float], low: float, high: float, *, within: float) -> float:
    """Where a curve with one valley is lowest, by golden sections.

    Args:
        curve: falls, then rises.
        low, high: the ends to look between.
        within: how far off the answer may be.
    """
    a, b = high - SHORTER * (high - low), low + SHORTER * (high - low)
    at_a, at_b = curve(a), curve(b)
    while high - low > within:
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - SHORTER * (high - low)
            at_a = curve(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + SHORTER * (high - low)
            at_b = curve(b)
    return (low + high) / 2


def _binomial(n: int, chance: float) -> NDArray[np.float64]:
    """The chance of each count from 0 to n."""
    if chance <= 0 or chance >= 1:
        sure = np.zeros(n + 1)
        sure[n if chance >= 1 else 0] = 1
        return sure
    k = np.arange(n + 1)
    logs = _ways(_log_factorials(n), n, k) + k * np.log(chance) + (n - k) * np.log1p(-chance)
    return np.exp(logs)


def _log_factorials(n: int) -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])


def _ways(factorials: NDArray[np.float64], n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
    """The logarithm of n over k."""
    return factorials[n] - factorials[k] - factorials[n - k]


def _as_unlikely(chances: NDArray[np.float64], seen: int) -> float:
    return min(1.0, float(chances[chances <= chances[seen] * ALIKE].sum()))
