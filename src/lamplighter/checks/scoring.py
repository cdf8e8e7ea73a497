"""Family E: how answers become right or wrong, seen at the program's own comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.scores import in_unit_interval

ENOUGH = 32  # values for a verdict


def _wrong(message: str, fix: str, *, where: str = "accuracy", sure: bool = True) -> Finding:
    return found("E101", where, message, fix, level="error" if sure else "warning")


def compared_with_all(
    answer: Sequence[int], label: Sequence[int], result: Sequence[int]
) -> Iterator[Finding]:
    """E101: answers (n, 1) are compared with labels (n), each with all.

    Args:
        answer: one shape.
        label: the other.
        result: the shape of the comparison.
    """
    yield _wrong(
        f"{tuple(answer)} is compared with {tuple(label)}, which gives {tuple(result)}: every "
        "answer with every label, not each with its own",
        "make the shapes equal before comparing: squeeze(-1) or view_as(target)",
    )


def best_sample_not_class(shape: Sequence[int], dim: int | None) -> Iterator[Finding]:
    """E101: the argmax is taken over the samples, or over everything.

    Args:
        shape: of the answers, `(N, C)`.
        dim: of the argmax; None: over all values.
    """
    over = "over all samples and classes at once" if dim is None else "over the samples"
    yield _wrong(
        f"the argmax of answers {tuple(shape)} is taken {over}, and compared with labels as if it "
        "were a class for each sample",
        "take it over the classes: argmax(dim=1)",
    )


def only_one_column(shape: Sequence[int], dim: int, what: str = "argmax") -> Iterator[Finding]:
    """E101: the largest of a single column is chosen, which is always the first.

    Args:
        shape: of the answers.
        dim: of length 1, over which is chosen.
        what: the choice, or "softmax", of which a single column is always 1.
    """
    always = "1, whatever the network says" if what == "softmax" else "0, whatever the network says"
    yield _wrong(
        f"the {what} of answers {tuple(shape)} is taken over dimension {dim}, which has one entry: "
        f"it is always {always}",
        "a network with one output says yes above a threshold: logits > 0, or probabilities > 0.5",
    )


def columns_shifted(mine: Sequence[int], theirs: Sequence[int]) -> Iterator[Finding]:
    """E101: columns of an answer meet columns of the target that begin elsewhere.

    Args:
        mine: columns of the answer.
        theirs: columns of the target.
    """
    yield _wrong(
        f"columns {mine[0]} to {mine[-1]} of the answer meet columns {theirs[0]} to {theirs[-1]} of "
        "the target, while the losses bring each column to the one of its own number: the figure is "
        "of numbers that mean different things",
        f"cut the same columns out of both: [..., {theirs[0]}:{theirs[-1] + 1}]",
        where="columns",
    )


def several_labels_at_once(target: Tensor) -> Iterator[Finding]:
    """E101: of targets with several ones in a row, only the first is looked at.

    Args:
        target: `(N, C)` of zeros and ones.
    """
    if target.dim() != 2 or target.shape[0] < 8 or target.shape[1] < 2:
        return
    values = target.detach().float()
    if not bool(((values == 0) | (values == 1)).all()):
        return
    share = float((values.sum(1) > 1.5).float().mean())
    if share >= 0.1:
        yield _wrong(
            f"{share:.0%} of the samples have several labels, and argmax takes the first of them "
            "as the only one",
            "threshold each class, (scores > 0).float(), and compare class by class",
        )


def logits_cut_at_half(logits: Tensor, threshold: float) -> Iterator[Finding]:
    """E101: logits are cut at one half.

    Args:
        logits: what was compared with the threshold.
        threshold: of the comparison.
    """
    if threshold == 0.5 and not in_unit_interval(logits):
        yield _wrong(
            "logits are cut at 0.5, which is a probability of 0.62: answers between 0.5 and 0.62 "
            "count as no",
            "cut logits at 0, or apply the sigmoid first",
            sure=False,
        )


def probabilities_cut_at_nothing(shares: Tensor, threshold: float) -> Iterator[Finding]:
    """E101: probabilities are cut at zero, and none of them is one.

    Args:
        shares: probabilities of a sigmoid.
        threshold: of the comparison.
    """
    if threshold == 0 and shares.numel() >= ENOUGH and bool((shares > 0).all()):
        yield _wrong(
            "probabilities are cut at 0, so every answer is yes",
            "cut probabilities at 0.5",
        )


def lie_on_both_sides(scores: Tensor) -> bool:
    """Whether answers lie below 0 as well as above 1, where no probability is."""
    if not scores.numel():
        return False
    low, high = torch.aminmax(scores.detach().float())
    return bool(low < 0) and bool(high > 1)


def never_equal(answers: Tensor, labels: Tensor) -> Iterator[Finding]:
    """E101: real numbers are compared for equality.

    Args:
        answers: of a network, neither rounded nor thresholded.
        labels: of the same shape.
    """
    if not answers.is_floating_point() or answers.numel() < ENOUGH:
        return
    values = answers.detach().float()
    whole = bool((values == values.round()).all())
    if not whole and answers.shape == labels.shape and not bool((answers == labels).any()):
        yield _wrong(
            f"none of {answers.numel()} answers equals its label: real numbers are compared with ==",
            "for classes take argmax or a threshold first; for amounts report a mean error",
        )


def ignored_counted(target: Tensor, ignored: int) -> Iterator[Finding]:
    """E101: places that the loss ignores count as wrong answers.

    Args:
        target: labels that were compared, all of them.
        ignored: the loss's `ignore_index`.
    """
    share = float((target == ignored).float().mean())
    if share > 0.005:
        yield _wrong(
            f"{share:.0%} of the labels are {ignored}, which the loss ignores; here they count as "
            "wrong answers",
            f"leave them out: kept = target != {ignored}, then compare prediction[kept]",
        )


def arguments_swapped(name: str) -> Iterator[Finding]:
    """E101: the network's answers are given as what is right, and the labels as answers.

    Args:
        name: of the score.
    """
    of_numbers = any(sign in name for sign in ("r2", "variance", "percentage", "d2"))
    yield _wrong(
        f"{name} is given the network's answers as the truth and the labels as answers: "
        + (
            "the error is measured against the answers' own spread or size"
            if of_numbers
            else "precision and recall change places, and what is averaged by class is weighed by "
            "the answers"
        ),
        f"give the labels first: {name}(labels, answers)",
        where=name,
    )


def last_batch_alone(batches: int) -> Iterator[Finding]:
    """E101: answers are counted behind the loop that has overwritten all but the last of them.

    Args:
        batches: of the evaluation.
    """
    yield _wrong(
        f"{batches} batches are answered in the loop, each in the place of the one before, and right "
        "answers are counted behind it: those of the last batch alone",
        "count within the loop, or gather the answers of all batches",
    )


def units_mixed(how: str, figure: float, said: float, truth: float) -> Iterator[Finding]:
    """E101: a printed figure compares forecasts in one unit with the truth in another.

    Args:
        how: what the figure is of their differences.
        figure: as computed.
        said: deviation of the forecasts.
        truth: deviation of what they were compared with.
    """
    yield _wrong(
        f"reported {figure:.6g} is the {how} of the differences between forecasts of deviation "
        f"{said:.3g} and a truth of deviation {truth:.3g}: one of them was scaled, the other was not",
        "bring both to one unit first, such as scaler.inverse_transform() of the truth as well",
        where="what is printed",
    )


def ranked_by_decisions(name: str) -> Iterator[Finding]:
    """E101: a score of an order is given yes and no.

    Args:
        name: of the score.
    """
    yield _wrong(
        f"{name} asks how well the scores order the samples and is given decisions, 0 and 1: it is "
        "then the figure of one threshold",
        "give it the probabilities or logits of the positive class",
        where=name,
        sure=False,
    )


def one_batch_scored(batches: int) -> Iterator[Finding]:
    """E101: an evaluation returns within its loop.

    Args:
        batches: of its loader.
    """
    yield _wrong(
        f"the evaluation returns within its loop, so it scores the first of {batches} batches and "
        "no other",
        "move the return behind the loop",
    )


def first_batch_only(batches: int, times: int) -> Iterator[Finding]:
    """E101: of a loader that does not shuffle, only the first batch is ever scored.

    Args:
        batches: of a whole walk.
        times: how often its figure was told.
    """
    yield _wrong(
        f"{times} times the figure that is told is that of the first of {batches} batches: the loader "
        "gives them in order, and no other is ever asked for",
        "walk over the whole loader, count right answers and samples, and divide once",
        sure=False,
    )


def divided_by_another_length(rows: int, length: int) -> Iterator[Finding]:
    """E101: right answers are counted in a loop and divided by the length of something else.

    Args:
        rows: samples that the network answered in the loop.
        length: what the count is divided by.
    """
    yield _wrong(
        f"the network answered {rows} samples in the loop that counts right answers, and the count is "
        f"divided by {length}",
        "count the samples beside the right answers, and divide by that",
    )


def is_whole(tensor: Tensor) -> bool:
    """Whether a tensor holds class numbers or yes and no."""
    return tensor.dtype in (torch.bool, torch.uint8) or not tensor.is_floating_point()
