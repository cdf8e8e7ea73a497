"""Outcomes refuse contradictions, and predictions.csv says exactly what was answered."""

import csv

import numpy as np
import pytest

from lamplighter.errors import DataError, ModelError
from lamplighter.evaluation.outcome import Outcome, write_predictions
from lamplighter.evaluation.predictions import read_predictions


def test_accuracy_counted_from_the_table_is_the_accuracy(tmp_path, digits):
    """Equal cells of label and answer give the accuracy to the last digit."""
    _, outcome = digits
    write_predictions(outcome, tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:4] == ["path", "label", "answer", "probability"]
    counted = sum(row["label"] == row["answer"] for row in rows) / len(rows)
    assert counted == float(outcome.correct().mean())


def test_probabilities_come_back_bit_for_bit(tmp_path, digits):
    """Reading the table gives the same float64 that was written, temperature included."""
    outcome, _ = digits
    write_predictions(outcome, tmp_path / "predictions.csv", temperature=1.7)
    read = read_predictions(tmp_path / "predictions.csv")
    assert [row.probability for row in read.rows] == outcome.probabilities(1.7).max(1).tolist()


HOSTILE = ("=1+1", 'a,"b"\nc', " é\u202e ", "@x\r\n")


def test_hostile_names_come_back_as_they_were(tmp_path):
    """Formulas, quotes, line ends, blanks and undecodable bytes in names survive the table."""
    keys = ("a\udcff.jpg", "=cmd.jpg", "new\nline.jpg", "plain.jpg")
    outcome = Outcome(
        keys, keys, np.arange(4), np.eye(4, dtype=np.float32)[[1, 1, 2, 3]], HOSTILE, "test"
    )
    write_predictions(outcome, tmp_path / "predictions.csv")
    rows = read_predictions(tmp_path / "predictions.csv").rows
    assert tuple(row.key for row in rows) == keys
    assert tuple(row.label for row in rows) == HOSTILE
    assert [row.right for row in rows] == [False, True, True, True]


def test_class_columns_only_where_a_person_can_read_them(tmp_path, make):
    """Up to 20 classes have a column each; with more the table stays narrow."""
    for k, wide in ((20, True), (21, False)):
        outcome = make([0], np.zeros((1, k)), [f"c{i}" for i in range(k)])
        write_predictions(outcome, tmp_path / "p.csv")
        head = (tmp_path / "p.csv").read_text().splitlines()[0]
        assert ("p:c19" in head) is wide


def test_several_labels_are_a_list_in_one_cell(tmp_path, make):
    """Multi-label cells are JSON lists, so a name with any separator stays whole."""
    outcome = make([[1, 0], [1, 1]], [[2, -2], [2, -2]], ["a|b", "c,d"], task="multilabel")
    write_predictions(outcome, tmp_path / "p.csv")
    rows = read_predictions(tmp_path / "p.csv").rows
    assert [row.label for row in rows] == ['["a|b"]', '["a|b", "c,d"]']
    assert [row.right for row in rows] == [True, False]


def test_numbers_have_no_probability(tmp_path, make):
    """Regression rows hold label and answer as numbers and leave the probability empty."""
    outcome = make([1.5, 2.5], [[1.25], [3.0]], [], task="regression")
    write_predictions(outcome, tmp_path / "p.csv")
    read = read_predictions(tmp_path / "p.csv")
    assert read.regression
    assert [(row.label, row.answer) for row in read.rows] == [("1.5", "1.25"), ("2.5", "3.0")]


def test_an_answer_that_is_no_number_is_refused(make):
    """NaN logits give an error that names the first picture, never a figure."""
    with pytest.raises(ModelError, match=r"1 of 2 answers are NaN or infinite.*val/1\.jpg"):
        make([0, 1], [[1, 0], [np.nan, 0]], "ab")


def test_nothing_to_evaluate_is_an_error(make):
    """An empty split is said to be empty."""
    with pytest.raises(DataError, match="no picture to evaluate in val"):
        make([], np.zeros((0, 2)), "ab")


def test_a_label_outside_the_classes_is_refused(make):
    """A label that is no class is named with its picture."""
    with pytest.raises(DataError, match=r"label 2 of val/1\.jpg is none of the 2 classes"):
        make([0, 2], np.zeros((2, 2)), "ab")


def test_a_picture_counts_once():
    """Two rows with one key are refused: one picture would count twice."""
    with pytest.raises(DataError, match="3 pictures share 2 keys"):
        Outcome(
            ("a", "a", "b"), ("a", "a", "b"), np.zeros(3, np.int64),
            np.zeros((3, 2), np.float32), ("x", "y"), "val",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("path,label\na,b\n", "line 2 has no answer, probability, key, split"),
        ("path,label,answer,probability,key,split\n", "no predictions in it"),
        (
            "path,label,answer,probability,key,split\na,b,b,much,a,val\n",
            "line 2: expected a number",
        ),
        (
            "path,label,answer,probability,key,split\na,b,b,1,a,val\na,b,b,1,a,val\n",
            "1 pictures stand in it twice",
        ),
    ],
)
def test_a_damaged_table_is_told_by_line(tmp_path, content, said):
    """What is wrong with a predictions.csv is said with its line or its columns."""
    (tmp_path / "predictions.csv").write_text(content)
    with pytest.raises(DataError, match=said):
        read_predictions(tmp_path / "predictions.csv")


def test_a_missing_table_says_how_to_get_it(tmp_path):
    """Without predictions.csv the next command is named."""
    with pytest.raises(DataError, match="no such file") as caught:
        read_predictions(tmp_path / "predictions.csv")
    assert caught.value.fix == f"lamp evaluate {tmp_path} --csv {tmp_path / 'predictions.csv'}"
