"""Figures and charts are written so that they do not mislead."""

import math

import pytest

from lamplighter.evaluation.plots import Line, axis, chart, headline
from lamplighter.evaluation.words import listed, percent, points, shown, span, tied


def test_all_is_only_said_of_all():
    """99.98 % is not rounded to 100, nor one in 10,000 to 0; no figure is a dash."""
    assert [percent(x) for x in (1.0, 0.9998, 0.0, 0.0001, 0.9412, None, math.nan)] == [
        "100.0 %", "99.9 %", "0.0 %", "0.1 %", "94.1 %", "–", "–",
    ]  # fmt: skip


def test_words_around_figures():
    """Spans, points, lists, and figures that hold to their sign."""
    assert span((0.892, 0.969)) == "89.2 to 96.9 %"
    assert (points(0.01), points(-0.021)) == ("1.0 point", "2.1 points")
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a"]) == "a"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
    assert tied("94.1 % of all") == "94.1\u00a0% of all"


def test_what_hides_is_shown():
    """Control characters, direction marks and broken bytes become visible escapes."""
    assert shown("a\x1b[31m\u202e\udcff\n") == "a\\x1b[31m\\u202e\\udcff\\n"
    assert shown("Möwe 鸟") == "Möwe 鸟"


@pytest.mark.parametrize(
    "values", [[0.1, 0.9], [3.0], [], [1e-9, 2e-9], [-5, 1e6], [0.912, 0.913], [0.0, 0.0]]
)
def test_axes_hold_their_values(values):
    """Every value lies on the axis, between a few round ticks."""
    one = axis(values, "x")
    assert all(one.low <= v <= one.high for v in values)
    assert 2 <= len(one.ticks) <= 8
    assert one.low < one.high


def test_epochs_have_whole_ticks():
    """No epoch 1.5."""
    assert all(t == int(t) for t in axis([1, 2, 3], "epoch", whole=True).ticks)
    assert len(axis(list(range(1, 301)), "epoch", whole=True).ticks) <= 8


def test_charts_escape_their_words():
    """A title or series name is text, also within an attribute."""
    evil = '"><script>'
    svg = chart(evil, evil, axis([0, 1], evil), axis([0, 1], evil), [Line(evil, [(0, 1)], 1)] * 2)
    assert "<script>" not in svg
    assert svg.count('"') % 2 == 0


def test_the_scale_tells_its_figures_to_those_who_cannot_see_it():
    """Score, interval and baseline are in the name of the drawing."""
    told = "baseline 54.2, score 88.9, interval 82.9 to 92.9"
    assert told in headline(0.889, (0.829, 0.929), 0.542)
