"""What is to be answered: how labels become targets, the usual loss, and how answers are counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.errors import DataError, UsageError
from lamplighter.tasks.tally import (
    ClassificationTally,
    LossTally,
    MultiLabelTally,
    RegressionTally,
)


@dataclass(frozen=True)
class Task:
    """One kind of question.

    Args:
        name: "classification", "multilabel", "regression" or "own".
        metric: the figure by which the best epoch is chosen.
        higher_is_better: its direction.
        losses: names of losses that fit; the first is the usual one.
        tally: makes a fresh count.
    """

    name: str
    metric: str
    higher_is_better: bool
    losses: tuple[str, ...]
    tally: Callable[[], LossTally]

    def loss_named(self, name: str) -> str:
        """The loss that a name means: "auto" is the usual one."""
        return self.losses[0] if name == "auto" else name

    def better(self, value: float, than: float | None) -> bool:
        """Whether `value` beats `than`; nothing that is not a number ever does."""
        if value != value:
            return False
        return than is None or (value > than if self.higher_is_better else value < than)


TASKS = {
    "classification": Task(
        "classification", "accuracy", True, ("cross-entropy",), ClassificationTally
    ),
    "multilabel": Task("multilabel", "f1", True, ("bce",), MultiLabelTally),
    "regression": Task("regression", "mae", False, ("mse", "l1", "huber"), RegressionTally),
    "own": Task("own", "loss", False, (), LossTally),
}


def encode(task: str, labels: Sequence[Any], classes: Sequence[str]) -> Tensor:
    """Labels as the tensor that the loss wants.

    Args:
        task: "classification", "multilabel" or "regression".
        labels: class names, tuples of class names, or numbers.
        classes: names in the order of the network's outputs.

    Returns:
        int64 [N]; float32 0/1 [N, K]; or float32 [N, 1].

    Raises:
        DataError: a label is in no class.
    """
    if task == "regression":
        return torch.tensor(labels, dtype=torch.float32).view(len(labels), -1)
    index = {name: position for position, name in enumerate(classes)}
    try:
        if task == "classification":
            return torch.tensor([index[label] for label in labels], dtype=torch.int64)
        targets = torch.zeros(len(labels), len(classes))
        for row, names in enumerate(labels):
            for name in names:
                targets[row, index[name]] = 1
        return targets
    except KeyError as error:
        raise DataError(
            f"the label {error.args[0]!r} is none of the {len(index)} classes of the training data",
            fix="rename it, or add pictures of that class to train",
        ) from None


def make_loss(
    name: str, task: Task, *, smoothing: float = 0.0, weights: Tensor | None = None
) -> nn.Module:
    """The loss of that name.

    Args:
        name: a name of `Task.losses`, or "auto".
        smoothing: label smoothing of cross entropy.
        weights: float32 [K], weight of each class; for "bce" the weight of each positive.

    Raises:
        UsageError: the loss does not fit the task.
    """
    if not task.losses:
        raise UsageError(
            "a task of your own has no usual loss",
            where="loss",
            fix="pass loss=, a function of (outputs, targets)",
        )
    name = task.loss_named(name)
    if name not in task.losses:
        fitting = " or ".join(task.losses)
        raise UsageError(
            f"{name} does not fit {task.name}; expected {fitting}",
            where="--loss",
            fix=f"--loss {task.losses[0]}",
        )
    if name == "cross-entropy":
        return nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing)
    if name == "bce":
        return nn.BCEWithLogitsLoss(pos_weight=weights)
    return {"mse": nn.MSELoss, "l1": nn.L1Loss, "huber": nn.HuberLoss}[name]()


def probabilities(task: str, logits_NK: Tensor) -> Tensor:
    """Logits as probabilities, float64 for exact ties: softmax, or sigmoid for several labels."""
    logits = logits_NK.double()
    return logits.sigmoid() if task == "multilabel" else logits.softmax(dim=1)


def balanced_weights(targets: Tensor, classes: int) -> Tensor:
    """Weights by which each class counts the same in the loss; their mean over examples is 1.

    Args:
        targets: int64 [N] or 0/1 [N, K].

    Returns:
        float32 [K]. For several labels: negatives per positive of each class.

    Source: the "balanced" heuristic of scikit-learn, n / (K · count).
    """
    if targets.ndim == 2:
        positives = targets.sum(dim=0).clamp(min=1)
        return (len(targets) - positives) / positives
    counts = torch.bincount(targets, minlength=classes).clamp(min=1)
    return (len(targets) / (classes * counts)).to(torch.float32)
