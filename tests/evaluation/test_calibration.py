"""Temperature and threshold are fitted on validation and hold on fresh pictures."""

import numpy as np
import pytest

from lamplighter.evaluation.calibration import (
    apply_threshold,
    calibration_curve,
    calibration_error,
    coverage_curve,
    fit_temperature,
    suggest_threshold,
)
from lamplighter.evaluation.measure import measure


def _drawn(make, n, sharpness, seed, split="val"):
    """Labels drawn from known probabilities; the logits claim `sharpness` times as much."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(n, 4)) * 2
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = [generator.choice(4, p=row) for row in share]
    return make(labels, logits * sharpness, "abcd", split=split)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0, 4.0])
def test_the_true_temperature_is_found(make, sharpness):
    """Logits that were multiplied are divided again by nearly the same number."""
    fitted = fit_temperature(_drawn(make, 4000, sharpness, 0))
    assert fitted.value == pytest.approx(sharpness, rel=0.08)


def test_temperature_mends_fresh_pictures(make):
    """Fitted on validation, it cuts the calibration error of the test split."""
    fitted = fit_temperature(_drawn(make, 2000, 3.0, 0))
    test = _drawn(make, 2000, 3.0, 1, split="test")
    before, after = measure(test), measure(test, temperature=fitted.value)
    assert after.accuracy == before.accuracy
    assert after.calibration_error < 0.04 < 0.1 < before.calibration_error
    assert after.calibration_error_raw == before.calibration_error


def test_too_few_wrong_answers_fit_no_temperature(sure):
    """With fewer than five mistakes the temperature stays 1, and the reason is given."""
    fitted = fit_temperature(sure([0, 1] * 20, [0, 1] * 19 + [1, 0], "ab"))
    assert (fitted.value, fitted.split) == (1.0, "val")
    assert fitted.reason == "only 2 of 40 validation answers are wrong: too few to fit it"


def test_the_calibration_error_of_an_honest_model_is_small(make):
    """Labels drawn from the probabilities themselves leave only noise; too sure ones do not."""
    for sharpness, least, most in ((1.0, 0.0, 0.02), (3.0, 0.1, 1.0)):
        outcome = _drawn(make, 8000, sharpness, 2)
        curve = calibration_curve(outcome.probabilities().max(1), outcome.correct())
        assert least <= calibration_error(curve) <= most
        assert sum(b.n for b in curve) == 8000


def test_the_ends_of_the_scale_have_a_bin():
    """Probabilities of exactly 0 and 1 are counted."""
    curve = calibration_curve(np.array([0.0, 1.0, 1.0]), np.array([False, True, True]))
    assert [(b.n, b.accuracy) for b in curve] == [(1, 0.0), (2, 1.0)]


def test_coverage_ends_with_all_answered(digits):
    """The curve runs from all answered (the accuracy itself) to the surest."""
    _, outcome = digits
    curve = coverage_curve(outcome.probabilities().max(1), outcome.correct())
    assert curve[0].coverage == 1.0
    assert curve[0].accuracy == float(outcome.correct().mean())
    assert len(curve) <= 120
    assert curve[-1].threshold > curve[0].threshold


def test_equal_probabilities_are_one_point(sure):
    """A threshold cannot cut through answers that are equally sure."""
    outcome = sure([0, 0, 1], [0, 1, 1], "ab")
    (point,) = coverage_curve(outcome.probabilities().max(1), outcome.correct())
    assert (point.coverage, point.accuracy) == (1.0, pytest.approx(2 / 3))


def test_the_threshold_halves_the_mistakes(digits):
    """By default the wrong among the answers given are at most half as frequent."""
    val, test = digits
    chosen = suggest_threshold(val)
    assert chosen.reached
    assert 1 - chosen.accuracy <= (1 - val.correct().mean()) / 2 + 1e-12
    given = val.probabilities().max(1) >= chosen.value
    assert chosen.coverage == pytest.approx(given.mean())
    here = apply_threshold(test, chosen)
    assert here.value == chosen.value
    assert here.accuracy > test.correct().mean()
    assert (here.n, here.split) == (len(test.keys), "val")


def test_no_smaller_threshold_would_do(digits):
    """One step lower, the target is missed: it is the smallest."""
    val, _ = digits
    chosen = suggest_threshold(val, target=0.98)
    confidence, correct = val.probabilities().max(1), val.correct()
    for lower in np.unique(confidence[confidence < chosen.value]):
        assert correct[confidence >= lower].mean() < 0.98


def test_a_target_out_of_reach_is_said(sure):
    """Where no threshold helps, `reached` is False and the accuracy is the true one."""
    chosen = suggest_threshold(sure([0, 1] * 10, [0] * 20, "ab"), target=0.99)
    assert not chosen.reached
    assert (chosen.accuracy, chosen.coverage) == (0.5, 1.0)


def test_without_mistakes_only_the_unheard_of_is_unsure(digits, sure):
    """All right on validation: the threshold is the least sure answer met there."""
    outcome = sure([0, 1, 0], [0, 1, 0], "ab", 0.8)
    assert suggest_threshold(outcome).value == pytest.approx(0.8, abs=1e-6)
    assert suggest_threshold(outcome).coverage == 1.0
