"""Targets that a network can copy from its own input: Y105."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from lamplighter.checks.batches import Batch
from lamplighter.checks.finding import Finding
from lamplighter.checks.labels import target_not_shifted

ROWS = 16
TIMES = 2.0  # as much as elsewhere a copied token moves the answer at its own place, at least


def target_copied(
    ask: Callable[[Batch], Tensor | None], batch: Batch, target: Tensor, *, ignore_index: int
) -> Iterator[Finding]:
    """Y105, unless the answers are made of a code of the whole row, as an autoencoder's are.

    Args:
        ask: the network's answer in evaluation mode, under a seed.
        batch: what it is given, with tokens `(B, T)` first.
        target: what entered cross entropy, `(B, T)` or `(B·T,)`.
        ignore_index: the target that does not count.
    """
    tokens = batch.first
    if tokens is None:
        return
    told = list(target_not_shifted(tokens, target, ignore_index=ignore_index))
    if told and hangs_on_its_place(ask, batch):
        yield from told


@torch.no_grad()
def hangs_on_its_place(ask: Callable[[Batch], Tensor | None], batch: Batch) -> bool:
    """Whether another token moves the answer at its place more than at others.

    Returns:
        True also where the network does not answer place by place.
    """
    batch = batch.rows(ROWS)
    rows = batch.first
    if rows is None:
        return True
    count, length = rows.shape
    before = by_places(ask(batch), count, length)
    own = elsewhere = 0.0
    for at in {length // 4, length // 2, 3 * length // 4}:
        changed = rows.clone()
        changed[:, at] = rows[:, at].roll(1, 0)
        after = by_places(ask(batch.with_tensor(0, changed)), count, length)
        if before is None or after is None:
            return True
        moved = (after - before).float().abs().reshape(count, length, -1).mean((0, 2))
        own += float(moved[at])
        elsewhere += float((moved.sum() - moved[at]) / max(1, length - 1))
    return own > TIMES * elsewhere


def by_places(answer: Tensor | None, count: int, length: int) -> Tensor | None:
    """`(B, T, …)` of an answer for each place, however it is laid."""
    if answer is None or answer.shape[:2] == (count, length):
        return answer
    if answer.dim() == 2 and answer.shape[0] == count * length:
        return answer.reshape(count, length, -1)
    if answer.dim() == 3 and answer.shape[0] == count and answer.shape[2] == length:
        return answer.transpose(1, 2)
    return None
