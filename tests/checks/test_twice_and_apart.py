"""What is said of a term that stands twice, of boxes apart, and of a column that is alone."""

from __future__ import annotations

import pytest

from lamplighter.checks.keeping import previous_for_best
from lamplighter.checks.overlaps import apart_in_both_directions
from lamplighter.checks.own_arithmetic import same_term_twice
from lamplighter.checks.reinforcement import target_never_asked
from lamplighter.checks.scoring import only_one_column


def test_what_is_said_of_a_term_twice() -> None:
    """L124 is a warning: somebody may want it to count twice."""
    (told,) = same_term_twice(0.25, 5, 3)
    assert (told.code, told.level) == ("L124", "warning")
    assert told.message.startswith("two of its 3 terms are the same number at each of 5 steps")


@pytest.mark.parametrize(("is_loss", "code"), [(True, "L111"), (False, "E101")])
def test_what_is_said_of_boxes_apart(is_loss: bool, code: str) -> None:
    """A loss and a score have codes of their own, and the same words."""
    (told,) = apart_in_both_directions(7, 40, is_loss)
    assert (told.code, told.level) == (code, "error")
    assert told.message.startswith("7 of 40 pairs of boxes lie apart in both directions")


@pytest.mark.parametrize(("what", "value"), [("argmax", "0"), ("softmax", "1")])
def test_what_is_said_of_one_column(what: str, value: str) -> None:
    """The dimension, and what it always gives."""
    (told,) = only_one_column((50, 1), 1, what)
    assert (told.code, told.level) == ("E101", "error")
    assert f"it is always {value}, whatever the network says" in told.message


def test_what_is_said_of_the_figure_before() -> None:
    """E108 with the three figures: now, before, and what was replaced."""
    (told,) = previous_for_best("losses[-1]", 0.5, 0.6, 0.4)
    assert (told.code, told.level) == ("E108", "error")
    assert (
        "kept for 0.5, which beats the figure before it (0.6) and not the best (0.4)"
        in told.message
    )


def test_what_is_said_of_a_target_that_nobody_asks() -> None:
    """Q102 is a warning here as well."""
    (told,) = target_never_asked("slow", "net")
    assert (told.code, told.level) == ("Q102", "warning")
    assert "it follows `net` step by step and is never asked" in told.message
