"""Our chances are those of scipy."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binom, binomtest, fisher_exact

from lamplighter.evaluation.chances import at_most, lowest, shares_differ, two_sided

COUNTS = [(0, 1), (1, 1), (3, 10), (10, 10), (17, 40), (480, 1000), (5200, 10_000)]


@pytest.mark.parametrize(("hits", "n"), COUNTS)
@pytest.mark.parametrize("chance", [0.0, 0.1, 0.5, 0.93, 1.0])
def test_at_most(hits: int, n: int, chance: float) -> None:
    """The chance of a count or less, also where a success is sure or impossible."""
    assert at_most(hits, n, chance) == pytest.approx(
        binom.cdf(hits, n, chance), rel=1e-8, abs=1e-300
    )


@pytest.mark.parametrize(("hits", "n"), COUNTS)
@pytest.mark.parametrize("chance", [0.1, 0.5])
def test_two_sided(hits: int, n: int, chance: float) -> None:
    """The exact two-sided test of a count; with no trial nothing is unlikely."""
    expected = float(binomtest(hits, n, chance).pvalue)
    assert two_sided(hits, n, chance) == pytest.approx(expected, rel=1e-7, abs=1e-300)
    assert two_sided(0, 0) == 1.0


@pytest.mark.parametrize(
    ("a", "n_a", "b", "n_b"),
    [(3, 10, 7, 10), (0, 5, 0, 9), (90, 100, 70, 100), (4500, 5000, 4300, 5000), (5, 5, 0, 5)],
)
def test_shares_differ(a: int, n_a: int, b: int, n_b: int) -> None:
    """Fisher's exact test, also where all or nothing succeeds."""
    expected = float(fisher_exact([[a, n_a - a], [b, n_b - b]]).pvalue)
    assert shares_differ(a, n_a, b, n_b) == pytest.approx(expected, rel=1e-7)


def test_lowest() -> None:
    """The bottom of a valley, inside and at either end."""
    assert lowest(lambda x: (x - 0.3) ** 2, -2, 5, within=1e-5) == pytest.approx(0.3, abs=1e-5)
    assert lowest(math.exp, -1, 1, within=1e-5) == pytest.approx(-1, abs=1e-5)
    assert lowest(lambda x: -x, -1, 1, within=1e-5) == pytest.approx(1, abs=1e-5)
