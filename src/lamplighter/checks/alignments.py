"""Family L: what enters the loss that aligns a sequence with its symbols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


def ctc_on_scores(log_probabilities: Tensor, *, where: str = "ctc_loss") -> Iterator[Finding]:
    """L104: the rows that enter `F.ctc_loss` are no log-probabilities.

    Args:
        log_probabilities: `(T, N, C)` or `(T, C)`.
        where: the call it is about.
    """
    values = log_probabilities.detach().float()
    total = values.logsumexp(-1)
    if bool(torch.isfinite(total).all()) and float(total.abs().max()) > 1e-2:
        yield found(
            "L104",
            where,
            "ctc_loss wants log-probabilities over the classes, the last dimension, but the rows' "
            f"exponentials sum to {float(total.exp().mean()):.3g} instead of 1",
            "give it scores.log_softmax(2), of shape (time, batch, classes)",
        )


def blank_in_targets(
    targets: Tensor, lengths: object, blank: int, *, where: str = "ctc_loss"
) -> Iterator[Finding]:
    """L112: the targets of `F.ctc_loss` hold the class that stands for no symbol.

    Args:
        targets: `(N, S)` or `(sum of lengths,)`.
        lengths: of each target; a tensor, list or tuple.
        blank: the class.
        where: the call it is about.
    """
    if targets.dim() == 2:
        ends = torch.as_tensor(lengths, device=targets.device).flatten()
        inside = torch.arange(targets.shape[1], device=targets.device) < ends[:, None]
        counted = targets[inside]
    else:
        counted = targets
    count = int((counted == blank).sum())
    if count:
        yield found(
            "L112",
            where,
            f"{count} of {counted.numel()} symbols of the targets are class {blank}, which is the "
            "blank: the network is taught that this symbol is no symbol",
            "number the symbols from 1 and leave 0 to the blank, or give blank=number of symbols",
        )


def flattened_in_two_orders(
    answers: Sequence[int], targets: Sequence[int], *, where: str
) -> Iterator[Finding]:
    """D105: two dimensions of the answers became one, and the same two of the targets the other way.

    Args:
        answers: their shape before that.
        targets: theirs.
        where: the loss.
    """
    yield found(
        "D105",
        where,
        f"the answers {tuple(answers)} and the targets {tuple(targets)} are laid out flat, each by "
        f"its own first dimension: answer {min(answers[1], targets[1])} belongs to one place and "
        "its target to another",
        "bring both into one order first: targets.transpose(0, 1).reshape(-1), or the answers so",
    )
