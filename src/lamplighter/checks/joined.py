"""Answers of a walk in one order, joined to names in another: E110."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 32


def joined_in_another_order(
    answers: Tensor, joined: Sequence[Any], *, name: str, where: str
) -> Iterator[Finding]:
    """E110: names that no batch brought along stand beside the answers of a shuffled walk.

    Args:
        answers: `(N, …)` what the network answered, in the order of the walk.
        joined: what stands beside the names, one each.
        name: what the program calls the two together.
        where: the loader.
    """
    if len(joined) != len(answers) or len(joined) < FEWEST or len(set(map(str, joined))) < 2:
        return
    try:
        given = torch.tensor([float(value) for value in joined], dtype=torch.float64)
    except (TypeError, ValueError):
        return
    if any(torch.equal(given, made) for made in _readings(answers)):
        yield found(
            "E110",
            where,
            f"`{name}` has the {len(joined)} answers beside names that no batch brought along, in the "
            "order in which the loader gave the samples, and it shuffles: each name got the answer "
            "of another sample",
            "evaluate with shuffle=False, or let each sample bring its name along",
        )


def _readings(answers: Tensor) -> Iterator[Tensor]:
    """What a program may make of answers, one number for each sample."""
    values = answers.detach().cpu()
    if values.dim() == 2 and values.shape[1] > 1:
        yield values.argmax(1).double()
        return
    flat = values.reshape(len(values), -1)[:, 0]
    yield flat.double()
    yield (flat > 0).double()
    yield (flat > 0.5).double()
    yield flat.float().sigmoid().double()
    yield flat.round().double()
