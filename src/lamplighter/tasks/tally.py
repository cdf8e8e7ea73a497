"""Counting over a whole split: every example once, sums kept on the device until the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

BATCHES_WAITING, MOST_WAITING = 64, 16384  # batches, and numbers in one of them
Metric = Callable[[Tensor, Tensor], Any]


class Tally(Protocol):
    """Adds up batches; `result` fetches the figures (the only synchronisation)."""

    def add(self, outputs: Any, targets: Any, loss: Tensor, size: int) -> None:
        """One batch: what the network said, what is true, its mean loss, how many examples."""
        ...

    def result(self) -> dict[str, float]:
        """The figures over all that was added; `loss` is the mean over examples."""
        ...


class LossTally:
    """The mean loss over examples; the base of the others."""

    def __init__(self) -> None:
        self.count = 0
        self.loss_sum: Tensor | float = 0.0

    def add(self, outputs: Any, targets: Any, loss: Tensor, size: int) -> None:
        self.count += size
        self.loss_sum = self.loss_sum + _fetched(loss, wide=True) * size
        self.see(outputs, targets)

    def see(self, outputs: Any, targets: Any) -> None:
        """What a task counts besides the loss."""

    def settle(self) -> None:
        """Counts what was put aside."""

    def state(self) -> dict[str, Any]:
        """All that was counted, for a checkpoint."""
        self.settle()
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on counting from what `state` gave."""
        vars(self).update(state)

    def result(self) -> dict[str, float]:
        mean = float(self.loss_sum) / self.count if self.count else float("nan")
        return {"loss": mean, **self.figures()}

    def figures(self) -> dict[str, float]:
        """The task's own figures."""
        return {}


class ClassificationTally(LossTally):
    """The share of right answers; also per position for sequences and maps."""

    def __init__(self) -> None:
        super().__init__()
        self.right: Tensor | int = 0
        self.answered: Tensor | int = 0
        self._waiting: list[tuple[Tensor, Tensor]] = []

    def see(self, outputs: Any, targets: Any) -> None:
        if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
            return
        if outputs.ndim == 0 or targets.ndim == 0 or outputs.numel() > MOST_WAITING:
            self._count(outputs, targets)
            return
        # counting costs more than the answers of a small batch do: put aside, counted together
        waiting = self._waiting
        if waiting and not (
            waiting[0][0].shape[1:] == outputs.shape[1:]
            and waiting[0][1].shape[1:] == targets.shape[1:]
        ):
            self.settle()
        self._waiting.append((outputs.detach(), targets))
        if len(self._waiting) >= BATCHES_WAITING:
            self.settle()

    def settle(self) -> None:
        if self._waiting:
            outputs, targets = zip(*self._waiting, strict=True)
            self._waiting = []
            self._count(torch.cat(outputs), torch.cat(targets))

    def _count(self, outputs: Tensor, targets: Tensor) -> None:
        if _is_binary(outputs, targets):  # one logit: above 0 says yes
            answers, targets = outputs.flatten() > 0, targets.flatten()
            targets = targets > 0.5 if targets.is_floating_point() else targets
        elif outputs.shape == targets.shape and targets.is_floating_point():
            # soft labels, as mixing gives
            answers, targets = outputs.argmax(dim=1), targets.argmax(dim=1)
        elif outputs.ndim == targets.ndim + 1:
            answers = outputs.argmax(dim=class_dimension(outputs, targets))
        else:
            return
        # -100 and other negative labels say "do not count"; no answer equals them
        self.right = self.right + _fetched((answers == targets).sum())
        self.answered = self.answered + _fetched((targets >= 0).sum())

    def figures(self) -> dict[str, float]:
        self.settle()
        answered = int(self.answered)
        return {"accuracy": int(self.right) / answered} if answered else {}


class MultiLabelTally(LossTally):
    """F1 over all decisions together, and the share of examples with every label right."""

    def __init__(self) -> None:
        super().__init__()
        self.hits: Tensor | int = 0
        self.said: Tensor | int = 0
        self.true: Tensor | int = 0
        self.exact: Tensor | int = 0

    def see(self, outputs: Any, targets: Any) -> None:
        said = outputs > 0
        true = targets > 0.5
        self.hits = self.hits + (said & true).sum()
        self.said = self.said + said.sum()
        self.true = self.true + true.sum()
        self.exact = self.exact + (said == true).flatten(1).all(dim=1).sum()

    def figures(self) -> dict[str, float]:
        decided = int(self.said) + int(self.true)
        return {
            "f1": 2 * int(self.hits) / decided if decided else 0.0,
            "accuracy": int(self.exact) / max(1, self.count),
        }


class RegressionTally(LossTally):
    """Mean absolute error, root mean square error, and explained share of the variance."""

    def __init__(self) -> None:
        super().__init__()
        self.values = 0
        self.absolute: Tensor | float = 0.0
        self.square: Tensor | float = 0.0
        self.total: Tensor | float = 0.0
        self.total_square: Tensor | float = 0.0

    def see(self, outputs: Any, targets: Any) -> None:
        targets = targets.double()
        # detached: a sum with its graph would keep the whole epoch's activations in memory
        error = outputs.detach().double().reshape(targets.shape) - targets
        self.values += targets.numel()
        self.absolute = self.absolute + error.abs().sum()
        self.square = self.square + error.square().sum()
        self.total = self.total + targets.sum()
        self.total_square = self.total_square + targets.square().sum()

    def figures(self) -> dict[str, float]:
        count = max(1, self.values)
        square = float(self.square)
        variance = float(self.total_square) - float(self.total) ** 2 / count
        figures = {"mae": float(self.absolute) / count, "rmse": (square / count) ** 0.5}
        return figures | ({"r2": 1 - square / variance} if variance > 0 else {})


class WithMetrics:
    """Another tally plus the user's own metrics.

    A metric object with `update`, `compute` and `reset` (torchmetrics) is fed batch by batch; a
    plain function is called once with all outputs and all targets, because a mean of batch metrics
    is wrong for F1, AUC and the like.
    """

    def __init__(self, inner: Tally, metrics: Mapping[str, Any]) -> None:
        self.inner = inner
        self.metrics = metrics
        self.kept: list[tuple[Any, Any]] = []
        for metric in metrics.values():
            if hasattr(metric, "reset"):
                metric.reset()
        self.keeps = any(not hasattr(metric, "update") for metric in metrics.values())

    def add(self, outputs: Any, targets: Any, loss: Tensor, size: int) -> None:
        self.inner.add(outputs, targets, loss, size)
        if self.keeps:
            self.kept.append((outputs.detach().cpu(), targets.detach().cpu()))
        for metric in self.metrics.values():
            if hasattr(metric, "update"):
                metric.update(outputs, targets)

    def result(self) -> dict[str, float]:
        figures = self.inner.result()
        if not self.kept and self.keeps:
            return figures
        if self.keeps:
            outputs = torch.cat([o for o, _ in self.kept])
            targets = torch.cat([t for _, t in self.kept])
        for name, metric in self.metrics.items():
            value = metric.compute() if hasattr(metric, "update") else metric(outputs, targets)
            figures[name] = float(value)
        return figures


def _fetched(value: Tensor, *, wide: bool = False) -> Any:
    """A plain number where looking costs nothing (the CPU), else the 0-d tensor, not waited for."""
    if value.device.type == "cpu":
        return value.item()
    return value.detach().double() if wide else value.detach()


def _is_binary(outputs: Tensor, targets: Tensor) -> bool:
    """Whether there is one logit per target: [B] or [B, 1] for [B] or [B, 1]."""
    alone = outputs.ndim == 1 or outputs.shape[1:] == (1,)
    return alone and outputs.numel() == targets.numel() and targets.ndim <= 2


def class_dimension(outputs: Tensor, targets: Tensor) -> int:
    """The dimension of `outputs` that holds the classes: 1 by torch's convention, else the last."""
    without = outputs.shape[:1] + outputs.shape[2:]
    return 1 if without == targets.shape or outputs.shape == targets.shape else outputs.ndim - 1
