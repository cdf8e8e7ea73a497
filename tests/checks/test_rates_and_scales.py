"""Criteria over whole trainings: rates that are gone too early, scalers fitted once more."""

from __future__ import annotations

from lamplighter.checks.schedules import most_steps_hardly_move
from lamplighter.checks.transforms import scaled_by_own_numbers


def test_rate_that_is_gone_for_most_steps_is_told() -> None:
    """O108 says after which step the rate was below a thousandth, and of how many."""
    (told,) = most_steps_hardly_move([0.9**step for step in range(209)], where="ExponentialLR")
    assert (told.code, told.level, told.where) == ("O108", "error", "ExponentialLR")
    assert told.message.startswith("after 66 of 208 steps the learning rate is below a thousandth")
    assert "once per epoch" in told.fix


def test_rate_that_falls_late_or_rises_again_is_silent() -> None:
    """A rate that is low at the end alone, begins low, or comes back is no mistake."""
    late = [1.0] * 120 + [1e-4] * 80
    warm = [1e-4] * 150 + [1.0] * 50
    swings = ([1e-4] * 15 + [1.0] * 5) * 10
    assert [*most_steps_hardly_move(late)] == []
    assert [*most_steps_hardly_move(warm)] == []
    assert [*most_steps_hardly_move(swings)] == []


def test_scaler_fitted_once_more_is_told() -> None:
    """T102 is an error for the same scaler, a warning where each set has one of its own."""
    (same,) = scaled_by_own_numbers("StandardScaler", 136, again=True)
    (other,) = scaled_by_own_numbers("StandardScaler", 136, again=False)
    assert (same.code, same.level, other.level) == ("T102", "error", "warning")
    assert "the StandardScaler was fitted on these 136 held-out rows again" in same.message
    assert "transform(), not fit_transform()" in same.fix
