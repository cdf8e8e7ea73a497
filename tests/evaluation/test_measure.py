"""The figures agree with scikit-learn, SciPy and torchmetrics, which compute them on their own."""

import json

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
import torchmetrics.classification as tm
import torchmetrics.regression as tmr
from scipy.stats import binomtest

from lamplighter.evaluation.intervals import wilson
from lamplighter.evaluation.measure import measure

KEYS = {
    "n", "split", "accuracy", "interval", "baseline", "loss", "classes", "confusion",
    "calibration_error", "unreadable",
}  # fmt: skip


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (1, 1), (9, 10), (144, 153), (1, 10_000)])
def test_wilson_is_scipys(hits, n):
    """The closed formula gives SciPy's Wilson interval."""
    other = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits, n) == pytest.approx((other.low, other.high), abs=1e-9)


def test_nothing_known_is_said_of_nothing_seen():
    """Without a picture the interval is everything."""
    assert wilson(0, 0) == (0.0, 1.0)


def test_class_figures_are_scikit_learns(digits):
    """Precision, recall, F1, confusion and balanced accuracy agree."""
    _, outcome = digits
    m = measure(outcome)
    p, r, f, n = sk.precision_recall_fscore_support(outcome.labels, outcome.answers())
    assert [c.precision for c in m.classes] == pytest.approx(p.tolist())
    assert [c.recall for c in m.classes] == pytest.approx(r.tolist())
    assert [c.f1 for c in m.classes] == pytest.approx(f.tolist())
    assert [c.n for c in m.classes] == n.tolist()
    assert (m.confusion == sk.confusion_matrix(outcome.labels, outcome.answers())).all()
    assert m.accuracy == sk.accuracy_score(outcome.labels, outcome.answers())
    assert m.balanced_accuracy == pytest.approx(
        sk.balanced_accuracy_score(outcome.labels, outcome.answers())
    )


def test_loss_calibration_and_top5_are_torchs(digits):
    """Cross entropy, expected calibration error and top-5 agree with torch and torchmetrics."""
    _, outcome = digits
    logits, labels = torch.from_numpy(outcome.logits), torch.from_numpy(outcome.labels)
    m = measure(outcome)
    loss = torch.nn.functional.cross_entropy(logits.double(), labels)
    error = tm.MulticlassCalibrationError(10, n_bins=15)(logits.softmax(1), labels)
    top5 = tm.MulticlassAccuracy(10, top_k=5, average="micro")(logits, labels)
    assert m.loss == pytest.approx(loss.item(), rel=1e-9)
    assert m.calibration_error == pytest.approx(error.item(), abs=1e-5)
    assert m.top5 == pytest.approx(top5.item(), abs=1e-6)


def test_the_loss_of_the_training_is_kept(make):
    """A loss handed over (with smoothing, weights…) is reported as it is."""
    assert measure(make([0, 1], [[1, 0], [1, 0]], "ab", loss=0.25)).loss == 0.25


def test_the_baseline_is_the_best_constant_answer(sure):
    """The baseline is the share of the split's most frequent class, whatever training held."""
    m = measure(sure([0] * 3 + [1] * 7, [1] * 10, ["ants", "bees"]), train_counts={"ants": 90})
    assert (m.baseline, m.baseline_of) == (0.7, "always answering bees")
    assert [c.trained_on for c in m.classes] == [90, None]


def test_a_class_never_answered_has_no_precision(sure):
    """Precision without an answer, and recall without a picture, are null and not 0 or 1."""
    m = measure(sure([0, 1, 0], [0, 0, 0], ["a", "b", "c"]))
    b, c = m.as_json()["classes"][1:]
    assert (b["precision"], b["recall"], b["f1"]) == (None, 0.0, 0.0)
    assert (c["n"], c["recall"], c["f1"]) == (0, None, None)


def test_most_confused_pairs_come_first(sure):
    """Pairs are ordered by count and carry their share of the label's pictures."""
    m = measure(sure([0, 0, 0, 0, 1, 2], [1, 1, 1, 0, 2, 2], ["a", "b", "c"]))
    assert [(p.label, p.answer, p.n, p.share) for p in m.confused] == [
        ("a", "b", 3, 0.75),
        ("b", "c", 1, 1.0),
    ]


def test_the_document_has_the_promised_keys(digits, make):
    """Every task gives the keys of `lamp evaluate --json`, and JSON that holds no NaN."""
    outcomes = [
        digits[1],
        make([[1, 0], [0, 0]], [[1, -1], [1, -1]], "ab", task="multilabel"),
        make([1.0, 1.0, 1.0], [[1.0], [2.0], [3.0]], [], task="regression"),
    ]
    for outcome in outcomes:
        document = measure(outcome).as_json()
        assert document.keys() >= KEYS
        json.dumps(document, allow_nan=False)


def test_rows_of_the_confusion_matrix_are_labels(sure):
    """Row 0 holds what became of the first class."""
    assert measure(sure([0, 0, 1], [1, 1, 1], "ab")).as_json()["confusion"] == [[0, 2], [0, 1]]


def test_labels_agree_with_torchmetrics(make):
    """Multi-label: per-label F1, micro F1, mAP and subset accuracy agree."""
    generator = np.random.default_rng(0)
    labels = (generator.random((300, 4)) < 0.3).astype(np.uint8)
    logits = (labels * 2.0 - 1 + generator.normal(size=labels.shape) * 1.5).astype(np.float32)
    m = measure(make(labels, logits, "abcd", task="multilabel"))
    truth, scores = torch.from_numpy(labels).long(), torch.from_numpy(logits)
    f1 = tm.MultilabelF1Score(4, average="none")(scores, truth)
    assert [c.f1 for c in m.classes] == pytest.approx(f1.tolist(), abs=1e-6)
    assert m.micro_f1 == pytest.approx(
        tm.MultilabelF1Score(4, average="micro")(scores, truth).item()
    )
    mean = tm.MultilabelAveragePrecision(4)(scores, truth)
    assert m.mean_average_precision == pytest.approx(mean.item(), abs=1e-6)
    assert m.score == pytest.approx(tm.MultilabelExactMatch(4)(scores, truth).item(), abs=1e-6)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, truth.float())
    assert m.loss == pytest.approx(loss.item(), rel=1e-5)


def test_numbers_agree_with_torchmetrics(make):
    """Regression: MAE, RMSE and R² agree, also for several numbers per picture."""
    generator = np.random.default_rng(1)
    labels = generator.normal(size=(200, 2)).astype(np.float32)
    answers = labels + generator.normal(size=labels.shape).astype(np.float32) * 0.3
    m = measure(make(labels, answers, [], task="regression"))
    a, b = torch.from_numpy(answers), torch.from_numpy(labels)
    assert m.mae == pytest.approx(tmr.MeanAbsoluteError()(a, b).item(), rel=1e-5)
    assert m.rmse == pytest.approx(tmr.MeanSquaredError(squared=False)(a, b).item(), rel=1e-5)
    assert m.score == pytest.approx(tmr.R2Score()(a, b).item(), rel=1e-4)
    assert m.interval[0] < m.score < m.interval[1]
    assert m.mae_interval[0] < m.mae < m.mae_interval[1]


def test_r2_does_not_depend_on_where_zero_is(make):
    """Labels around a million that differ by less than one give the R² of what sets them apart."""
    generator = np.random.default_rng(2)
    apart = 0.0625 * generator.integers(0, 8, 200)
    answers = apart + 0.0625 * generator.integers(-1, 2, 200)
    near, far = (
        measure(make(apart + zero, (answers + zero)[:, None], [], task="regression"))
        for zero in (0.0, 1e6)
    )
    assert far.score == pytest.approx(near.score, rel=1e-9)
    assert far.interval == pytest.approx(near.interval, rel=1e-9)


def test_r2_of_a_constant_is_null(make):
    """Where all labels are alike R² has no meaning, and none is invented."""
    document = measure(make([2.0, 2.0], [[2.0], [2.5]], [], task="regression")).as_json()
    assert (document["r2"], document["interval"]) == (None, [None, None])
    assert document["mae"] == 0.25


def test_the_wilson_interval_holds_the_truth_as_often_as_it_says():
    """Of 4,000 draws with a known accuracy, between 93 and 97 % of the intervals hold it."""
    generator = np.random.default_rng(0)
    for truth, n in ((0.94, 153), (0.5, 40)):
        held = [
            low <= truth <= high
            for low, high in (wilson(int(h), n) for h in generator.binomial(n, truth, 2000))
        ]
        assert 0.93 <= np.mean(held) <= 0.97
