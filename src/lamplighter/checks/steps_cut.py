"""Reshapes that are meant to bring time to where a recurrent layer reads it, by their shapes: D105."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

Shape = Sequence[int]


def is_cut_for_time(given: Shape, made: Shape, *, batch_first: bool) -> bool:
    """Whether time has got its size, and not its place, before a recurrent layer.

    `(B, C, T, F)` as `(B, T, C·F)`: every step is a run of numbers of one or two channels. `(B, T)`
    or `(B, T, D)` as `(T, B, D)`: every sequence is pieced together of several samples.

    Args:
        given: the shape that went in.
        made: `(B, T, D)`, or `(T, B, D)`.
        batch_first: which of the two the layer reads.
    """
    if len(made) != 3:
        return False
    samples, steps = (made[0], made[1]) if batch_first else (made[1], made[0])
    if steps < 2 or len(given) < 2 or given[0] != samples:
        return False
    if len(given) < 4:
        exchanged = tuple(made) == (given[1], given[0], *(given[2:] or (1,)))
        return not batch_first and exchanged and samples > 1 and samples != steps
    if given[1] < 2 or steps not in given[2:]:
        return False
    # neighbouring axes that are laid together stay in their order
    together = [math.prod(given[1:end]) for end in range(2, len(given) + 1)]
    return steps not in together and (batch_first or samples > 1)


def time_is_cut(given: Shape, made: Shape, *, batch_first: bool, where: str) -> Iterator[Finding]:
    """D105: a recurrent layer reads as time what a reshape has cut out of other axes.

    A warning where the first axis falls into as many whole groups: they may be meant.

    Args:
        given: the shape that went in.
        made: what the layer is given.
        batch_first: of the layer.
        where: the call.
    """
    if not is_cut_for_time(given, made, batch_first=batch_first):
        return
    steps = made[1] if batch_first else made[0]
    groups = len(given) > 3 and batch_first and given[1] % steps == 0
    fix = "x.transpose(0, 1)"
    if len(given) > 3:
        order = (
            [0, list(given).index(steps, 2)] if batch_first else [list(given).index(steps, 2), 0]
        )
        order += [axis for axis in range(1, len(given)) if axis not in order]
        fix = f"x.permute({', '.join(map(str, order))}).flatten(2)"
    yield found(
        "D105",
        where,
        f"{tuple(given)} → {tuple(made)}, and a recurrent layer reads {steps} steps of it: the axis "
        "of time has got its size and not its place, so each step is filled with pieces of others",
        f"bring time to its place first: {fix}",
        level="warning" if groups else "error",
    )
