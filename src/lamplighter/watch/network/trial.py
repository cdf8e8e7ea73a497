"""A copy of a network in training, with what is needed to try it: inputs, targets and the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.guess import answer_in
from lamplighter.watch.source.place import Place

Way = Callable[[Any], Any]
# what a network raises that is given other inputs than it was made for
UNFIT = (RuntimeError, IndexError, ValueError, TypeError)

# how people bring an answer into the shape that a loss wants
OUTPUT_WAYS: tuple[Way, ...] = (
    lambda o: o,
    lambda o: o.squeeze(-1),
    lambda o: o.squeeze(1),
    lambda o: o.flatten(),
    lambda o: o.flatten(0, 1),
    lambda o: o.reshape(-1, o.shape[-1]),
    lambda o: o.transpose(1, 2),
    lambda o: o[:, 0],
    lambda o: o[..., 0],
    lambda o: o[:, -1],
    lambda o: o[:, :-1].reshape(-1, o.shape[-1]),
    lambda o: o[:, :-1].transpose(1, 2),
    lambda o: o.permute(0, 2, 3, 1).reshape(-1, o.shape[1]),
)
TARGET_WAYS: tuple[Way, ...] = (
    lambda t: t,
    lambda t: t.flatten(),
    lambda t: t.float(),
    lambda t: t.long(),
    lambda t: t.unsqueeze(1),
    lambda t: t.unsqueeze(1).float(),
    lambda t: t.squeeze(1),
    lambda t: t.squeeze(-1).long(),
    lambda t: t[:, 1:].flatten(),
    lambda t: t[:, 1:],
)


@dataclass(eq=False)
class Trial:
    """What is kept of the first steps of one network.

    Args:
        double: network and optimizers, copied together so that they still belong to each other.
        batches: of each, the inputs and, last, the target.
        loss: its name in `torch.nn.functional`, and its further arguments.
        output_way: from the network's answer to what enters the loss.
        target_way: from the batch's target to what enters the loss.
        plain: whether every step was one forward, one loss on its answer, one backward.
        rows: batch size of the loader that gave the inputs; None without a loader.
        own: which tensor of the network's answer is the loss, where it computes that itself.
        asked: whether it is known which targets the answer is compared with.
    """

    double: tuple[nn.Module, list[torch.optim.Optimizer]]
    model: nn.Module
    name: str
    place: Place | None
    loader_place: Place | None = None
    loss_place: Place | None = None
    optimizer_place: Place | None = None
    batches: list[tuple[Tensor, ...]] = field(default_factory=list)
    loss: tuple[str, dict[str, Any]] | None = None
    output_way: Way = OUTPUT_WAYS[0]
    target_way: Way = TARGET_WAYS[0]
    plain: bool = True
    rows: int | None = None
    own: int | None = None
    asked: bool = False

    def rows_are_samples(self) -> bool:
        """Whether dimension 0 is plainly the samples that a loader laid together."""
        return self.rows is not None and all(
            t.dim() > 0 and len(t) == self.rows for batch in self.batches for t in batch
        )

    def compute_loss(self, output: Any, target: Any) -> Any:
        """The program's own loss of an answer."""
        if self.own is not None:
            return list(tensors_in(output))[self.own]
        answer = answer_in(output)
        if self.loss is None and answer is not None:
            # a loss of the program's own making: any that moves the weights shows the forward pass
            return answer.float().square().mean()
        name, options = self.loss or ("", {})
        if isinstance(output, Tensor):
            output = self.output_way(output)
        return getattr(F, name)(output, self.target_way(target), **options)

    def as_data(self) -> Any:
        """The batches as `check` wants them: a loader where dimension 0 is the samples."""
        if not self.rows_are_samples() or not self._fit_together():
            return self.batches
        joined = [torch.cat(parts) for parts in zip(*self.batches, strict=True)]
        return DataLoader(TensorDataset(*joined), batch_size=len(self.batches[0][0]))

    def _fit_together(self) -> bool:
        shapes = {tuple(t.shape[1:] for t in batch) for batch in self.batches}
        return len(shapes) == 1


def way_to(wanted: Tensor, given: Tensor, ways: tuple[Way, ...]) -> Way | None:
    """How one tensor became another, where it is one of the usual ways.

    Args:
        wanted: what entered the loss.
        given: what the network or the loader gave.
        ways: tried in order.
    """
    wanted, given = wanted.detach(), given.detach()
    for way in ways:
        try:
            made = way(given)
        except (RuntimeError, IndexError):
            continue
        if made.shape == wanted.shape and made.dtype == wanted.dtype and torch.equal(made, wanted):
            return way
    return None
