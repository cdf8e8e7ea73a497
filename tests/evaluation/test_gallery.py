"""Which pictures are shown, which labels are doubted, and how looks are counted."""

import threading

import numpy as np

from lamplighter.evaluation.calibration import fit_temperature
from lamplighter.evaluation.gallery import (
    Room,
    choose_right,
    choose_wrong,
    describe,
    gather,
    surety,
)
from lamplighter.evaluation.looks import LEDGER, count_looks, record_look
from lamplighter.evaluation.suspects import suspect_labels, suspects_finding


def test_every_cell_gets_a_picture_before_any_gets_its_second_hundred(make):
    """200 sure mistakes of one kind leave room for the one mistake of another kind."""
    labels = [0] * 200 + [1]
    logits = [[0, 5, 0]] * 200 + [[0, 0, 1]]
    outcome = make(labels, logits, "abc")
    chosen = choose_wrong(outcome, surety(outcome, 1.0))
    assert len(chosen) == 60
    assert chosen[-1] == 200


def test_wrong_answers_are_surest_first(digits):
    """The order is by the probability of the wrong answer."""
    _, outcome = digits
    sure = surety(outcome, 1.0)
    chosen = choose_wrong(outcome, sure)
    assert not outcome.correct()[chosen].any()
    assert list(sure[chosen]) == sorted(sure[chosen], reverse=True)


def test_right_answers_show_both_ends_of_each_class(digits):
    """For each class the surest and the least sure right answer are there."""
    _, outcome = digits
    sure = surety(outcome, 1.0)
    chosen = choose_right(outcome, sure)
    assert outcome.correct()[chosen].all()
    assert len(chosen) == 20
    ones = [i for i in chosen if outcome.labels[i] == 1]
    of_class = sure[outcome.correct() & (outcome.labels == 1)]
    assert [sure[i] for i in ones] == [of_class.max(), of_class.min()]


def test_pictures_stop_where_the_page_is_full(digits, jpeg):
    """What no longer fits is left out, and the answer is still shown in words."""
    _, outcome = digits
    room = Room(jpeg, left=3 * len(jpeg("")))
    shown = gather(outcome, [0, 1, 2, 3], room)
    assert [bool(one.image) for one in shown] == [True, True, False, False]
    assert room.left >= 0


def test_words_for_each_task(make):
    """Labels are named, sets joined, numbers rounded."""
    several = make([[1, 1], [0, 0]], [[2, -2], [1, -2]], "ab", task="multilabel")
    assert (describe(several, 0).label, describe(several, 0).answer) == ("a + b", "a")
    assert describe(several, 1).label == "none"
    number = describe(make([1.23456], [[2.0]], [], task="regression"), 0)
    assert (number.label, number.answer, number.probability) == ("1.235", "2", None)


def test_planted_wrong_labels_are_suspected(digits):
    """Of 20 labels changed on purpose most are on the list, and the list is mostly true."""
    from dataclasses import replace

    val, outcome = digits
    generator = np.random.default_rng(0)
    changed = generator.choice(len(outcome.labels), 20, replace=False)
    labels = outcome.labels.copy()
    labels[changed] = (labels[changed] + generator.integers(1, 10, 20)) % 10
    found = suspect_labels(replace(outcome, labels=labels), temperature=fit_temperature(val).value)
    planted = {outcome.keys[i] for i in changed}
    hits = sum(one.key in planted for one in found)
    assert hits >= 14
    assert hits / len(found) >= 0.7
    assert [s.probability for s in found] == sorted((s.probability for s in found), reverse=True)


def test_a_guessing_model_suspects_nothing(make):
    """Sure and wrong all the time is a bad model, not bad labels; nor is training looked at."""
    generator = np.random.default_rng(0)
    labels, logits = generator.integers(0, 2, 200), generator.normal(size=(200, 2)) * 20
    assert suspect_labels(make(labels, logits, "ab")) == []
    good = np.eye(2)[labels] * 20
    labels[:3] = 1 - labels[:3]
    assert len(suspect_labels(make(labels, good, "ab"))) == 3
    assert suspect_labels(make(labels, good, "ab", split="train")) == []


def test_suspects_are_one_finding(make):
    """Y111 names the surest and lists the paths; none suspected is no finding."""
    labels = np.arange(40) % 2
    logits = np.eye(2)[labels] * 20
    labels[0] = 1
    (finding,) = suspects_finding(suspect_labels(make(labels, logits, "ab")), "val")
    assert (finding.code, finding.level, finding.paths) == ("Y111", "info", ("val/0.jpg",))
    assert (
        "1 label is suspected to be wrong; surest: val/0.jpg is labelled b, the model says a"
        in (finding.message)
    )
    assert suspects_finding([], "val") == []


def test_looks_of_all_runs_add_up(tmp_path):
    """The same content counts whatever run looked; other content is counted apart."""
    for run in ("one", "two"):
        last = record_look(tmp_path, split="test", fingerprint="aa", run=run)
    assert last == 2
    assert record_look(tmp_path, split="test", fingerprint="bb", run="one") == 1
    assert count_looks(tmp_path, fingerprint="aa") == 2


def test_a_damaged_ledger_loses_no_evaluation(tmp_path):
    """Broken lines and a place that cannot be written leave a count, not an error."""
    (tmp_path / LEDGER).write_text('{"fingerprint": "aa"}\n{"finger\n[]\n')
    assert record_look(tmp_path, split="test", fingerprint="aa", run="r") == 2
    assert record_look(tmp_path / "missing", split="test", fingerprint="aa", run="r") == 1


def test_looks_at_the_same_time_are_all_kept(tmp_path):
    """Lines written at once by many stay whole."""

    def look():
        for _ in range(25):
            record_look(tmp_path, split="test", fingerprint="aa", run="r")

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count_looks(tmp_path, fingerprint="aa") == 100
