"""Two runs are compared picture by picture, and refused where they cannot be."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from lamplighter.cli import run as lamp
from lamplighter.errors import DataError
from lamplighter.evaluation.compare import compare
from lamplighter.evaluation.outcome import write_predictions
from lamplighter.evaluation.predictions import Prediction, Predictions, read_predictions
from lamplighter.evaluation.settings import seeds_only, settings_that_differ


def _side(name, right, *, keys=None, split="test", label="x", digests=None):
    keys = keys or [f"{i}.jpg" for i in range(len(right))]
    digests = digests or [""] * len(right)
    return Predictions(
        name,
        tuple(
            Prediction(key, key, split, label, label if good else "other", 0.9, digest)
            for key, good, digest in zip(keys, right, digests, strict=True)
        ),
    )


def test_a_clear_difference_is_told_with_its_interval():
    """20 of 200 pictures won and none lost: B is better, between how much and how much."""
    a, b = [True] * 160 + [False] * 40, [True] * 180 + [False] * 20
    found = compare(_side("a", a), _side("b", b))
    assert (found.n, found.a, found.b) == (200, 0.8, 0.9)
    assert found.difference == pytest.approx(0.1)
    assert found.p_value == binomtest(20, 20).pvalue
    assert found.verdict.startswith("B is better by 10.0 points (")
    assert found.interval[0] > 0
    assert found.interval == compare(_side("a", a), _side("b", b)).interval
    assert len(found.only_b) == 20
    assert (found.only_a, found.both_right, found.both_wrong) == ((), 160, 20)


def test_turned_around_the_other_is_better():
    """Comparing B with A says the same the other way."""
    a, b = [True] * 160 + [False] * 40, [True] * 180 + [False] * 20
    found = compare(_side("b", b), _side("a", a))
    assert found.verdict.startswith("A is better by 10.0 points (")
    assert found.interval[1] < 0


def test_luck_is_called_luck():
    """Four pictures against three are no difference."""
    a = [True] * 93 + [False] * 4 + [True] * 3
    b = [True] * 93 + [True] * 4 + [False] * 3
    found = compare(_side("a", a), _side("b", b))
    assert found.verdict.startswith("no difference can be shown: 1.0 point in favour of B")
    assert not found.shown_to_differ
    assert found.p_value == 1.0


def test_equal_runs_have_no_difference():
    """The same answers, and answers that balance, are said to be so."""
    same = compare(_side("a", [True, False]), _side("b", [True, False]))
    assert "both answer all 2 pictures alike" in same.verdict
    assert (same.p_value, same.interval) == (1.0, (0.0, 0.0))
    swapped = compare(_side("a", [True, False]), _side("b", [False, True]))
    assert "each is right 1 × where the other is wrong" in swapped.verdict


def test_the_false_alarm_rate_is_what_it_claims():
    """Of 400 pairs of equally good models at most 7 % are called different."""
    generator = np.random.default_rng(0)
    alarms = 0
    for _ in range(400):
        a, b = generator.random((2, 150)) < 0.9
        alarms += compare(_side("a", a), _side("b", b)).shown_to_differ
    assert alarms / 400 <= 0.07


def test_the_interval_holds_the_true_difference():
    """Of 300 pairs with a true gap of 10 points, 91 to 98 % of the intervals hold it."""
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        a, b = generator.random(300) < 0.75, generator.random(300) < 0.85
        low, high = compare(_side("a", a), _side("b", b)).interval
        held += low <= 0.10 <= high
    assert 0.91 <= held / 300 <= 0.98


def test_other_pictures_are_refused_with_counts():
    """Splits that differ are refused, and how is said."""
    a = _side("a", [True] * 3, keys=["1", "2", "3"])
    b = _side("b", [True] * 2, keys=["3", "4"])
    with pytest.raises(DataError, match="a on 3, b on 2, 1 in common; their splits were cut"):
        compare(a, b)
    assert compare(a, b, shared_only=True).n == 1


def test_nothing_shared_is_refused_even_then():
    """Without a picture in common there is nothing to compare."""
    a, b = _side("a", [True], keys=["1"]), _side("b", [True], keys=["2"])
    with pytest.raises(DataError, match="no picture in common"):
        compare(a, b, shared_only=True)


def test_nothing_shared_is_not_sent_to_the_shared_pictures():
    """Without a picture in common the next command is one that can answer."""
    a, b = _side("a", [True], keys=["1"]), _side("b", [True], keys=["2"])
    with pytest.raises(DataError, match="0 in common") as caught:
        compare(a, b)
    assert caught.value.fix == "lamp compare RUN_A RUN_B DATA: both answer the same pictures now"


def test_a_part_in_common_is_found_by_content():
    """A folder and a table of it name their files otherwise; splits that overlap still do."""
    a = _side("a", [True, False, True], keys=["1", "2", "3"], digests=["aa", "bb", "cc"])
    b = _side("b", [True, True], keys=["f/2", "f/4"], digests=["bb", "dd"])
    with pytest.raises(DataError, match="a on 3, b on 2, 1 in common") as caught:
        compare(a, b)
    assert caught.value.fix.startswith("--shared")
    found = compare(a, b, shared_only=True)
    assert (found.n, found.a, found.b) == (1, 0.0, 1.0)


def test_other_labels_are_refused():
    """One picture under two labels is named with both."""
    with pytest.raises(
        DataError, match=r"1 of 1 pictures carry another label, such as 0\.jpg: x for a"
    ):
        compare(_side("a", [True]), _side("b", [True], label="y"))


def test_changed_contents_are_refused():
    """The same name with other bytes is another picture."""
    with pytest.raises(DataError, match="same name and other content"):
        compare(_side("a", [True], digests=["aa"]), _side("b", [True], digests=["bb"]))


def test_renamed_files_are_matched_by_content():
    """The same bytes under other names are the same pictures."""
    a = _side("a", [True, False], keys=["1", "2"], digests=["aa", "bb"])
    b = _side("b", [True, True], keys=["y", "x"], digests=["bb", "aa"])
    found = compare(a, b)
    assert (found.a, found.b) == (0.5, 1.0)


def test_no_common_split_is_refused():
    """One on test, the other on validation: said so."""
    with pytest.raises(DataError, match="a was evaluated on test, b on val"):
        compare(_side("a", [True]), _side("b", [True], split="val"))


def test_the_test_split_is_preferred():
    """With validation and test in both, test is compared."""
    a = Predictions("a", _side("a", [True] * 4, split="val").rows + _side("a", [True] * 3).rows)
    assert (compare(a, a).split, compare(a, a).n) == ("test", 3)


def test_numbers_are_compared_by_their_error(tmp_path, make):
    """In regression the mean absolute errors are compared, pair by pair."""
    labels = np.linspace(0, 1, 60)
    for name, off in (("a", 0.3), ("b", 0.1)):
        wave = off * (1 + 0.1 * np.sin(np.arange(60)))
        outcome = make(labels, (labels + wave)[:, None], [], task="regression")
        write_predictions(outcome, tmp_path / f"{name}.csv")
    found = compare(*(read_predictions(tmp_path / f"{name}.csv") for name in "ab"))
    assert found.verdict.startswith("B is better: its mean absolute error is smaller by 0.2")
    assert found.measure == "mean absolute error"


@pytest.fixture
def runs(tmp_path, sure, monkeypatch):
    """Two run folders that differ by their seed, in the current folder."""
    monkeypatch.chdir(tmp_path)
    labels = np.arange(40) % 2
    for name, wrong in (("one", 6), ("two", 5)):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        answers = labels.copy()
        answers[:wrong] = 1 - answers[:wrong]
        outcome = sure(labels, answers, ["ants", "b\x1b[31mees"])
        write_predictions(outcome, folder / "predictions.csv")
        (folder / "status.json").write_text("{}")
        (folder / "recipe.toml").write_text(f'name = "{name}"\n[training]\nseed = {wrong}\n')
    return tmp_path / "runs"


def test_the_command_answers_in_words(runs, capsys):
    """`lamp compare` prints both figures, the verdict, and that only the seed differs."""
    assert lamp(["compare", "one", str(runs / "two")]) == 0
    out = capsys.readouterr().out
    assert "85.0 %" in out
    assert "87.5 %" in out
    assert "no difference can be shown" in out
    assert "differ by their seed only" in out
    assert "\x1b[31m" not in out


def test_the_command_prints_the_promised_keys(runs, capsys):
    """`--json` holds n, a, b, difference, interval, p_value and verdict."""
    assert lamp(["compare", "one", "two", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document.keys() >= {
        "lamplighter", "n", "a", "b", "difference", "interval", "p_value", "verdict",
    }  # fmt: skip
    assert (document["n"], document["seed_only"]) == (40, True)


def test_a_refusal_ends_with_the_code_for_data(runs, sure, capsys):
    """Different pictures: exit code 3 and the reason, also as JSON."""
    outcome = sure([0, 1], [0, 1], "ab", split="val")
    write_predictions(outcome, runs / "two" / "predictions.csv")
    assert lamp(["compare", "one", "two", "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "data"
    assert "one on 40, two on 2, 2 in common" in error["message"]


def test_settings_of_two_runs(runs):
    """Names are no setting; a missing recipe is no answer."""
    differ = settings_that_differ(runs / "one", runs / "two")
    assert differ == {"training.seed": [6, 5]}
    assert seeds_only(differ)
    assert not seeds_only({"lr": [1, 2], "seed": [1, 2]})
    assert settings_that_differ(runs / "one", runs) is None


def test_an_auto_and_the_value_it_came_to_are_one_setting(tmp_path):
    """A run that repeats another with its choices written out differs in nothing."""
    for name, text in (
        ("asked", 'lr = "auto"\nseed = 1\n[resolved]\nlr = 0.003\n'),
        ("written", "lr = 0.003\nseed = 1\n[resolved]\n"),
        ("other", "lr = 0.1\nseed = 1\n"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.toml").write_text(text)
    assert settings_that_differ(tmp_path / "asked", tmp_path / "written") == {}
    assert settings_that_differ(tmp_path / "asked", tmp_path / "other") == {"lr": [0.003, 0.1]}


def test_what_an_older_version_left_at_auto_is_no_difference(tmp_path):
    """How pictures are read is no setting of the result; a share may have been chosen or typed."""
    for name, text in (
        ("old", 'workers = "auto"\nval_share = "auto"\n[resolved]\nlr = 0.1\n'),
        ("new", 'workers = "auto"\nval_share = "auto"\n[resolved]\nlr = 0.1\nval_share = 0.2\nworkers = 2\n'),
        ("elsewhere", 'workers = 7\nval_share = 0.3\n[resolved]\nlr = 0.1\n'),
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.toml").write_text(text)
    assert settings_that_differ(tmp_path / "old", tmp_path / "new") == {}
    differ = settings_that_differ(tmp_path / "new", tmp_path / "elsewhere")
    assert differ == {"val_share": [0.2, 0.3]}


def test_a_fact_that_an_older_version_did_not_write_is_no_difference(tmp_path):
    """What both wrote down is compared, so that runs of two versions may differ by their seed alone."""
    for name, text in (
        ("old", 'seed = 1\n[facts]\npreprocess = "crop"\n'),
        ("new", 'seed = 2\n[facts]\npreprocess = "crop"\ntask = "classification"\n'),
        ("other", 'seed = 2\n[facts]\npreprocess = "pad"\n'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.toml").write_text(text)
    assert seeds_only(settings_that_differ(tmp_path / "old", tmp_path / "new"))
    assert "facts.preprocess" in (settings_that_differ(tmp_path / "new", tmp_path / "other") or {})
