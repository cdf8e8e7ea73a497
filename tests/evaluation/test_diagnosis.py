"""Each sentence is said where it is true, stays away where it is not, and carries its figures."""

import numpy as np
import pytest

from lamplighter.checks.finding import Finding
from lamplighter.evaluation.case import Case
from lamplighter.evaluation.diagnosis import diagnose, verdict
from lamplighter.evaluation.measure import measure


@pytest.fixture
def good(sure):
    """Measures of 900 pictures of three classes, 95 % right and as sure as right."""

    def build(split="test", right=0.95, n=900, **more):
        labels = np.arange(n) % 3
        wrong = np.arange(n) % 20 >= round(20 * right)
        answers = np.where(wrong, (labels + 1 + np.arange(n) // 20 % 2) % 3, labels)
        return measure(sure(labels, answers, ["ants", "bees", "cats"], right, split=split), **more)

    return build


def _rows(train_loss, val_loss, **columns):
    rows = [
        {"epoch": e, "train_loss": t, "val_loss": v}
        for e, (t, v) in enumerate(zip(train_loss, val_loss, strict=True), start=1)
    ]
    for key, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[key] = value
    return rows


def _said(case):
    return {sentence.topic: sentence for sentence in diagnose(case)}


def test_nothing_is_said_where_all_is_well(good):
    """A good model with calm curves gets no sentence at all."""
    rows = _rows([1, 0.5, 0.3, 0.25, 0.24], [1, 0.5, 0.35, 0.34, 0.345], data_wait=[0.9] + 4 * [0])
    case = Case(good(), val=good("val"), rows=rows)
    assert diagnose(case) == []
    assert verdict(case, []).endswith("Nothing speaks against it.")


def test_overfitting_names_its_epoch(good):
    """Validation loss turned at epoch 3: the epoch and all four losses are in the sentence."""
    case = Case(good(), rows=_rows([1, 0.6, 0.4, 0.2, 0.1, 0.05], [1, 0.7, 0.5, 0.6, 0.7, 0.8]))
    said = _said(case)["overfits"]
    assert "from epoch 3: after it the validation loss rose from 0.500 to 0.800" in said.text
    assert "fell from 0.400 to 0.050" in said.text
    assert said.fix.startswith("stop at epoch 3")


def test_one_bad_last_epoch_is_no_overfitting(good):
    """A spike at the end, or a validation loss that only hovers, is noise."""
    for val in ([1, 0.7, 0.5, 0.5, 0.5, 0.8], [1, 0.7, 0.5, 0.51, 0.5, 0.52]):
        assert "overfits" not in _said(Case(good(), rows=_rows([1, 0.6, 0.4, 0.2, 0.1, 0.05], val)))


def test_still_improving_says_train_longer(good):
    """The last epoch was the best by far: twice the epochs are suggested."""
    case = Case(good(), rows=_rows([2, 1.5, 1.1, 0.8], [2, 1.5, 1.2, 0.9]))
    said = _said(case)["still improving"]
    assert "fell by 40 %, from 1.500 to 0.900" in said.text
    assert said.fix == "train longer: --epochs 8"


def test_a_flat_end_is_not_still_improving(good):
    """A last epoch that is best by a hair needs no more epochs."""
    rows = _rows([1, 0.5, 0.3, 0.3], [1, 0.5, 0.30, 0.299])
    rows[1]["val_loss"] = 0.301
    assert "still improving" not in _said(Case(good(), rows=rows))


def test_knowing_the_training_by_heart_is_starvation(good):
    """100 % on training and 80 % on validation: more pictures are wanted, and counted."""
    rows = _rows([0.1, 0.01], [0.6, 0.6], train_accuracy=[0.9, 1.0], val_accuracy=[0.8, 0.8])
    said = _said(Case(good(), rows=rows, train_counts={"ants": 50, "bees": 60}))
    assert (
        "its 110 training pictures nearly by heart (100.0 % right)" in said["starved of data"].text
    )
    assert "80.0 % of the others" in said["starved of data"].text


def test_waiting_for_data_leaves_out_the_first_epoch(good):
    """The first epoch fills a cache; the share is of the others."""
    rows = _rows([1, 1, 1], [1, 1, 1], data_wait=[1.0, 0.5, 0.3])
    assert "40 % of the time" in _said(Case(good(), rows=rows))["waits for data"].text
    rows = _rows([1, 1], [1, 1], data_wait=[1.0, 0.1])
    assert "waits for data" not in _said(Case(good(), rows=rows))


def test_a_lost_number_in_the_curve_is_divergence(good):
    """A training loss of NaN or null is told with its epoch and is grave."""
    for lost in (float("nan"), None):
        said = _said(Case(good(), rows=_rows([1, lost], [1, 1])))["diverged"]
        assert (said.level, said.figures["epoch"]) == ("error", 2)


def test_hardly_learned_training_pictures(good):
    """A training accuracy near the baseline is grave."""
    rows = _rows([1, 1], [1, 1], train_accuracy=[0.33, 0.36], val_accuracy=[0.3, 0.3])
    assert _said(Case(good(), rows=rows))["learned little"].level == "error"
    worst_last = [{**rows[0], "train_accuracy": 0.9}, *rows[1:]]
    assert "learned little" not in _said(Case(good(), rows=worst_last))


def test_no_better_than_the_majority(sure):
    """A model that always answers the majority is told off, and the verdict says so first."""
    m = measure(sure([0] * 60 + [1] * 40, [0] * 100, ["ants", "bees"], 0.6))
    said = _said(Case(m))
    assert "always answering ants: that gets 60.0 %, this model 60.0 %" in (
        said["no better than the baseline"].text
    )
    assert "bees (40 pictures) was never answered, not once in 100 pictures" in (
        said["never answered"].text
    )
    assert verdict(Case(m), diagnose(Case(m))).startswith("Do not rely on this model.")


def test_too_few_pictures_says_how_many_would_do(sure):
    """153 pictures cannot tell 94 % from 96 %; about 540 would narrow it to two points."""
    m = measure(
        sure(np.arange(153) % 2, np.where(np.arange(153) < 9, 1, 0) ^ np.arange(153) % 2, "ab")
    )
    said = _said(Case(m))["too few pictures"]
    assert "153 pictures are too few to tell 94 % from 96 %" in said.text
    assert f"About {said.figures['needed']:.0f} would narrow it" in said.text
    assert 500 < said.figures["needed"] < 600


def test_enough_pictures_are_not_too_few(good):
    """900 pictures at 95 % are narrow enough to stay silent."""
    assert "too few pictures" not in _said(Case(good()))


def test_overconfidence_beyond_chance(sure):
    """95 % sure and 80 % right is said; a gap within chance is not."""
    labels = np.arange(400) % 2
    answers = np.where(np.arange(400) % 5 == 0, 1 - labels, labels)
    said = _said(Case(measure(sure(labels, answers, "ab", 0.95))))["over-confident"]
    assert "95.0 % sure and 80.0 % right" in said.text
    few = measure(sure(labels[:20], answers[:20], "ab", 0.9))
    assert "over-confident" not in _said(Case(few))
    assert "under-confident" in _said(Case(measure(sure(labels, answers, "ab", 0.6))))


def test_imbalance_is_told_from_the_training_counts(good):
    """10 to 1 is said with both counts; 95 to 5 stays a warning, not an error."""
    said = _said(Case(good(), train_counts={"ants": 950, "bees": 50}))["imbalanced"]
    assert "950 pictures of ants and 50 of bees, 19 to 1" in said.text
    assert said.level == "warning"
    assert "imbalanced" not in _said(Case(good(), train_counts={"ants": 90, "bees": 50}))


def test_a_class_surely_weaker_than_the_whole(sure):
    """A class found in half of its pictures is named when the interval leaves no doubt."""
    labels = np.repeat([0, 1, 2], [400, 400, 60])
    answers = labels.copy()
    answers[-30:] = 0
    said = _said(Case(measure(sure(labels, answers, "abc"))))["weak classes"]
    assert "c (50 % of 60 found)" in said.text


def test_among_many_equal_classes_none_is_called_weak(sure):
    """120 classes that are equally hard: the unluckiest of them is no finding."""
    for seed in range(5):
        generator = np.random.default_rng(seed)
        labels = np.repeat(np.arange(120), 16)
        wrong = generator.random(len(labels)) > 0.72
        answers = np.where(wrong, (labels + 1) % 120, labels)
        m = measure(sure(labels, answers, [str(c) for c in range(120)], 0.72))
        assert "weak classes" not in _said(Case(m))


def test_looks_at_the_test_split_add_up(good):
    """Two looks are noted, five are a warning; looks at validation are what it is for."""
    assert "looked at often" not in _said(Case(good()))
    assert _said(Case(good(), looks=2))["looked at often"].level == "info"
    said = _said(Case(good(), looks=7))["looked at often"]
    assert (said.level, "looked at 7 times" in said.text) == ("warning", True)
    assert "looked at often" not in _said(Case(good("val"), looks=7))


def test_validation_figures_say_that_they_chose(good):
    """Reported on validation, the best of several epochs flatters."""
    rows = _rows([1, 0.9], [1, 0.9])
    assert "chose the best of 2 epochs" in _said(Case(good("val"), rows=rows))["no test split"].text
    assert "no test split" not in _said(Case(good(), rows=rows))


def test_splits_that_differ_more_than_chance(good):
    """95 % on validation and 80 % on test is said with p; 95 and 95 is not."""
    case = Case(good(right=0.8), val=good("val"))
    assert (
        "Validation (95.0 % of 900) and test (80.0 % of 900)" in _said(case)["splits differ"].text
    )
    assert "splits differ" not in _said(Case(good(), val=good("val")))


def test_errors_of_the_checks_stand_in_the_diagnosis(good):
    """An error that nobody allowed puts the figures in doubt; an allowed one does not."""
    finding = Finding("S101", "error", "train, test", "40 pictures in both")
    assert "1 error (S101)" in _said(Case(good(), findings=[finding]))["findings"].text
    allowed = Finding("S101", "error", "train, test", "40 pictures in both", allowed="known")
    assert "findings" not in _said(Case(good(), findings=[allowed]))


def test_unreadable_files_are_counted_aloud(make):
    """Files in none of the figures are said, with the whole they are missing from."""
    m = measure(make([0, 1], [[1, 0], [0, 1]], "ab", unreadable=("x.jpg",)))
    assert "(1 of 3 in the split)" in _said(Case(m))["unreadable"].text


def test_regression_gets_its_own_verdict(make):
    """Numbers are judged by their error, beside that of the median."""
    labels = np.linspace(0, 10, 200)
    m = measure(make(labels, labels[:, None] + 0.5, [], task="regression"))
    told = verdict(Case(m), diagnose(Case(m)))
    assert "it is off by 0.5 on average; always answering the median would be off by 2.5" in told


def test_gravest_first(sure):
    """Errors stand above warnings, warnings above notes."""
    m = measure(sure([0] * 30 + [1] * 20, [0] * 50, "ab", 0.99, split="test"))
    levels = [sentence.level for sentence in diagnose(Case(m, looks=2))]
    assert levels == sorted(levels, key=["error", "warning", "info"].index)
    assert set(levels) == {"error", "warning", "info"}
