"""What a mean becomes by the usual mistakes, as E101 tells it."""

from __future__ import annotations

from lamplighter.checks.tallies import Counted, figure_is_wrong, loss_of_cycle, wrong_values


def told(counted: Counted, value: float) -> list[str]:
    """Message and fix of each mistake that gives this value."""
    wrongs = [w for w in wrong_values(counted, []) if abs(w.value - value) < 1e-9]
    findings = [f for w in wrongs for f in figure_is_wrong("figure", w, counted)]
    return [f"{f.level}: {f.message} | {f.fix}" for f in findings]


def test_mean_with_a_zero_in_front() -> None:
    """Of shares and of losses; only where the walk is known to be over."""
    walk = Counted([8, 9], [10, 10], [0.5, 0.4], [10, 10], 20, 2, given=2)
    (share,) = told(walk, (0.8 + 0.9) / 3)
    (loss,) = told(walk, 0.9 / 3)
    for text in (share, loss):
        assert "it is the mean over 2 batches and one more value, a 0" in text
        assert text.endswith("begin with an empty list, and divide by the number of batches")
    walk.given = 0
    assert told(walk, 0.9 / 3) == []


def test_right_answers_of_the_last_batch_divided_by_all() -> None:
    """`right = …` where `right += …` was meant."""
    (text,) = told(Counted([8, 7], [10, 10], [], [], 20, 2, given=2), 7 / 20)
    assert "it is what was right in the last of 2 batches alone, divided by all 20" in text
    assert "right += …" in text


def test_loss_that_was_divided_for_the_accumulation() -> None:
    """A warning over a whole walk, an error where one step's mean is divided once more."""
    walk = Counted([], [], [0.5, 0.4, 0.3, 0.4], [5] * 4, 20, 4, given=4, every=2)
    (text,) = told(walk, 0.2)
    assert text.startswith("warning: reported 0.2, actual 0.4")
    assert "losses that had been divided by 2 for the accumulation of gradients" in text
    cycle = Counted(losses=[1.0, 3.0], rows=[4, 4])
    (finding,) = figure_is_wrong("loss", loss_of_cycle(cycle.losses), cycle)
    assert finding.level == "error"
    assert "the mean over the 2 micro-batches of a step, divided by 2 once more" in finding.message
    assert finding.fix == "report the loss as it was before it was divided for the accumulation"


def test_length_of_the_loader_divides_a_walk_that_was_ended_here() -> None:
    """The program divides by all its batches: no mistake, whatever that number also is."""
    two_of = {"losses": [0.5, 0.4], "given": 2, "shortened": True}
    for rows, batches in ((50, 3), (10, 20), (8, 8)):
        walk = Counted([], [], rows=[rows] * 2, length=rows * batches, batches=batches, **two_of)
        walk.parts = 2
        assert told(walk, 0.9 / batches) == []
    assert told(Counted(rows=[10, 10], **two_of), 0.9 / 20) == []
    assert told(Counted(rows=[10, 10], **two_of), 0.9 / 3) == []
    (text,) = told(Counted(rows=[10, 10], length=200, batches=20, **two_of), 0.9 / 200)
    assert "divided by the number of samples (200)" in text


def test_other_lengths_of_a_walk_that_was_ended_here() -> None:
    """So many answers as it would have given by its end may divide them, and nothing else."""
    walk = Counted([8, 9], [10, 11], length=40, batches=10, given=2, shortened=True)
    assert not [w for w in wrong_values(walk, [104]) if "divided by 104" in w.how]
    assert [w for w in wrong_values(walk, [300]) if "divided by 300" in w.how]
    walk.shortened = False
    assert [w for w in wrong_values(walk, [104]) if "divided by 104" in w.how]
