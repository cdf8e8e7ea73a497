"""Family E, as far as it shows before training or in single figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


def samples_dropped(
    loader: DataLoader[Any], *, where: str = "validation loader"
) -> Iterator[Finding]:
    """E102: a validation loader with `drop_last` leaves samples out.

    Args:
        loader: the loader of validation or test.
        where: its name.
    """
    dataset: Any = loader.dataset
    if not loader.drop_last or not loader.batch_size or not hasattr(dataset, "__len__"):
        return
    size = len(dataset)
    left = size % loader.batch_size
    if left:
        yield found(
            "E102",
            where,
            f"drop_last=True leaves {left} of {size} samples unevaluated",
            "use drop_last=False for validation and test",
        )


def trained_in_an_earlier_fold(
    seen: int, count: int, *, where: str = "model", sure: bool = True
) -> Iterator[Finding]:
    """E103: one network goes through the folds and is scored on what it learned in earlier ones.

    Args:
        seen: samples set aside now that an earlier fold trained on.
        count: samples set aside.
        where: the network, or what is evaluated.
        sure: whether more than one fold shows it.
    """
    if count and seen > 0.5 * count:
        yield found(
            "E103",
            where,
            f"{seen} of the {count} samples that this fold sets aside were trained on in the folds "
            "before: the network goes on from fold to fold, so its scores are on known samples",
            "make a new network and a new optimizer for each fold, inside the loop",
            level="error" if sure else "warning",
        )


def held_out_never_read(name: str) -> Iterator[Finding]:
    """E103: all that is evaluated was trained on, and what was set aside is never read.

    Args:
        name: of the samples that the program sets aside.
    """
    yield found(
        "E103",
        "what is evaluated",
        f"the model is evaluated on the samples that it was trained on; `{name}` is made and never "
        "given to it",
        f"evaluate on `{name}`",
        level="warning",
    )


def answers_ignore_inputs(outputs: Tensor, *, where: str = "model") -> Iterator[Finding]:
    """E105: different inputs, the same answer.

    Args:
        outputs: `(N, ...)` for N ≥ 8 different inputs, in evaluation mode.
        where: the model.
    """
    if outputs.dim() < 2 or outputs.shape[0] < 8 or not outputs.is_floating_point():
        return
    values = outputs.detach().float()
    largest = float(values.abs().max())
    if largest == 0:
        return  # a head that begins at zero answers 0 for everything and learns all the same
    apart = float((values - values[:1]).abs().max())
    if apart <= 1e-7 * largest:
        yield found(
            "E105",
            where,
            f"{values.shape[0]} different inputs give exactly the same answer",
            "look for a dead ReLU, inputs far below the layers' scale, or a part that is cut off",
        )


def old_batch_at_evaluation(name: str, times: int) -> Iterator[Finding]:
    """E105: the network is given one old batch for each batch of an evaluation.

    Args:
        name: of the loader that the old batch came from.
        times: batches of the evaluation.
    """
    yield found(
        "E105",
        "what is evaluated",
        f"for each of {times} batches the network is given one and the same: the last that came from "
        f"{name}, and its answers are compared with the labels of others",
        "give it the batch of the loop that runs: another variable is meant",
        level="error",
    )


def too_good(accuracy: float, count: int, epoch: int, classes: int) -> Iterator[Finding]:
    """E106: almost no validation errors after the first epoch.

    Args:
        accuracy: share of right answers, 0 to 1.
        count: validation samples.
        epoch: the epoch, from 1.
        classes: number of classes.
    """
    if epoch == 1 and count >= 200 and accuracy >= 0.999 and classes >= 2:
        yield found(
            "E106",
            "validation",
            f"accuracy {accuracy:.2%} on {count} samples after one epoch",
            "look for samples shared with train (S101), a feature that is the label (S103), or "
            "validation that runs on train",
        )


MISLEADING, VISIBLE = 0.01, 0.002  # a point of a score; the last figure that people write down


def mean_of_batches(
    name: str,
    batched: float,
    actual: float,
    batches: int,
    *,
    where: str = "score",
    scale: float = 1.0,
) -> Iterator[Finding]:
    """E104: the score that was reported is a mean over batches.

    Args:
        name: the score, such as "F1 (macro)".
        batched: its mean over batches, which is what was reported.
        actual: its value over all answers.
        batches: how many batches.
        where: what was reported.
        scale: of which a hundredth is a point.
    """
    apart = abs(batched - actual) / scale
    yield found(
        "E104",
        where,
        f"reported {batched:.4g}, the mean of {name} over {batches} batches; over all answers it "
        f"is {actual:.4g}",
        "keep the answers and labels of all batches, and compute the score once at the end",
        level=None if apart >= MISLEADING else "warning" if apart >= VISIBLE else "info",
    )


def each_batch_scored(name: str, batches: int, *, where: str = "score") -> Iterator[Finding]:
    """E104: a score that is no mean over samples is asked for batch by batch and gathered.

    Args:
        name: of the function.
        batches: how many.
        where: what was reported.
    """
    yield found(
        "E104",
        where,
        f"{name} is computed for each of {batches} batches and the results are gathered: their mean "
        "is not the score of all answers, and batches without a class count as 0",
        "keep the answers and labels of all batches, and compute the score once at the end",
        level="warning",
    )


def evaluated_never_changes(name: str, trained: str, times: int) -> Iterator[Finding]:
    """E109: what is evaluated stays as it was, and what is trained is never evaluated.

    Args:
        name: the network that is evaluated.
        trained: the network of the same shape that learns.
        times: evaluations.
    """
    yield found(
        "E109",
        f"`{name}`",
        f"it was evaluated {times} times between steps of `{trained}`, which has the same shape, "
        f"and not one of its weights has changed; `{trained}` itself was never evaluated",
        f"evaluate `{trained}`, or bring `{name}` up to date before: an average needs its update "
        "after every step",
    )


def loss_over_held_out_rows(
    count: int, held: int, trained: int, *, held_out: str, train: str
) -> Iterator[Finding]:
    """R105: every step's loss takes in all rows, and a mask says that some are held out.

    Args:
        count: rows of the loss.
        held: rows that are held out.
        trained: rows that are meant for training.
        held_out: what the program calls the mask of the held-out rows.
        train: what it calls that of the others.
    """
    yield found(
        "R105",
        f"`{held_out}`",
        f"the loss of every step takes in all {count} rows, the {held} of `{held_out}` among them, "
        f"and not the {trained} of `{train}` alone: what is measured on `{held_out}` afterwards "
        "says nothing about new data",
        f"take the loss over the rows of train: loss(output[{train}], labels[{train}])",
    )


def trained_on_anothers_test(name: str, other: str, count: int) -> Iterator[Finding]:
    """R105: a network learns from what was set aside for a test, and is tested on the same.

    Args:
        name: the network.
        other: the one that was tested with these samples and has not learned from them.
        count: the samples.
    """
    yield found(
        "R105",
        f"`{name}`",
        f"all {count} samples that it is trained on are those that `{other}` was tested with, and it "
        "is tested on the same ones and on no others: the figure is of samples that it has learned",
        f"train {name} on the training samples of {other}, and test it on these",
        level="warning",
    )
