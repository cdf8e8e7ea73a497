"""What a check was asked to look at, gathered once and shared by all rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from lamplighter.checks.batches import Batch, Rows, Unpack, data_set_of, labels_of, sample_rows
from lamplighter.checks.guess import LossFunction
from lamplighter.checks.probe import Evidence, Prober, ProbeStopped
from lamplighter.checks.structure import hidden_members


@dataclass
class Setup:
    """A training as it is about to begin.

    Args:
        model: the network itself, without the wrappers of DDP or `torch.compile`.
        data: train: a data set, a loader or an iterable of batches; None: only the model.
        val: validation in the same forms.
        loss: the user's loss; None: guessed.
        optimizers: all of them.
        schedules: all of them.
        task: "classification", "multilabel", "regression", or None: read from the targets.
        thorough: whether the "full" checks run too.
        unpack: the user's way from a batch to (inputs, targets).
        batches: what was read of train, on the model's device; filled by the data round.
        evidence: what the probe steps showed; None when none ran.
        prober: tries the model and the loss.
        stopped: the user's code raised in the probe.
        rows: what `sampled` has read, by the limit.
    """

    model: nn.Module
    data: Any = None
    val: Any = None
    loss: LossFunction | None = None
    optimizers: Sequence[Optimizer] = ()
    schedules: Sequence[Any] = ()
    task: str | None = None
    thorough: bool = True
    unpack: Unpack | None = None
    batches: list[Batch] = field(default_factory=list)
    evidence: Evidence | None = None
    prober: Prober | None = None
    stopped: ProbeStopped | None = None
    rows: dict[int, Rows | None] = field(default_factory=dict)

    def sampled(self, limit: int, *, seconds: float) -> Rows | None:
        """Samples of train, as `sample_rows` gives them: read once for all who ask for as many."""
        if limit not in self.rows:
            self.rows[limit] = sample_rows(self.train_set, limit, seconds=seconds)
        return self.rows[limit]

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        first = next(self.model.parameters(), None)
        return torch.device("cpu") if first is None else first.device

    @property
    def is_lazy(self) -> bool:
        """Whether some parameters get their shape only at the first batch."""
        kind = nn.parameter.UninitializedParameter
        return any(isinstance(p, kind) for p in self.model.parameters())

    @property
    def loader(self) -> DataLoader[Any] | None:
        """The training loader, where one was given."""
        return self.data if isinstance(self.data, DataLoader) else None

    @property
    def val_loader(self) -> DataLoader[Any] | None:
        """The validation loader, where one was given."""
        return self.val if isinstance(self.val, DataLoader) else None

    @property
    def train_set(self) -> Any:
        """The map-style training set, or None."""
        return None if self.data is None else data_set_of(self.data)

    @property
    def val_set(self) -> Any:
        """The map-style validation set, or None."""
        return None if self.val is None else data_set_of(self.val)

    @property
    def labels(self) -> list[int] | None:
        """Class numbers of train, where they can be had without reading inputs."""
        return None if self.train_set is None else labels_of(self.train_set)

    @property
    def loss_modules(self) -> tuple[nn.Module, ...]:
        """The loss, where it is a module that may own parameters."""
        return (self.loss,) if isinstance(self.loss, nn.Module) else ()

    @property
    def held(self) -> set[int]:
        """Ids of the tensors that some optimizer holds."""
        return {id(p) for o in self.optimizers for g in o.param_groups for p in g["params"]}

    @property
    def hidden(self) -> list[nn.Module]:
        """Modules that the model holds unregistered, and their parameters in one module."""
        found: list[nn.Module] = []
        for _, member in hidden_members(self.model):
            found.append(member if isinstance(member, nn.Module) else nn.ParameterList([member]))
        return found
