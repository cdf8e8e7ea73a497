"""Y101: features in the order of a walk that shuffled, beside labels in another order."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 32  # rows
NEAR = 1e-3  # of a standard deviation, or of a row's length
APART = 0.2  # of the rows must have another target


def features_in_another_order(
    features: Tensor,
    alongside: Tensor,
    theirs: Tensor,
    pair: tuple[Tensor, Tensor],
    *,
    order: str,
    where: str,
) -> Iterator[Finding]:
    """Y101: a network learns from features of a shuffled walk, with targets in another order.

    Args:
        features: `(N, D)`, what a network answered over the walk, in its order.
        alongside: `(N,)`, the targets that the walk gave with them.
        theirs: `(N,)`, the same in an order that the program may have taken for that one.
        pair: `(N, D)` and `(N,)`, inputs and targets that another network learns from.
        order: whose order that is.
        where: what the loader of the walk is called.
    """
    inputs, targets = pair
    sizes = {len(t) for t in (features, alongside, theirs, inputs, targets)}
    if len(sizes) != 1 or len(inputs) < FEWEST or targets.numel() != len(targets):
        return
    mine, walked, kept = (
        t.detach().cpu().reshape(-1).double() for t in (targets, alongside, theirs)
    )
    apart = float((mine != walked).double().mean()) if len(walked) == len(mine) else 0.0
    if apart < APART or not torch.equal(mine, kept) or not are_the_same(features, inputs):
        return
    yield found(
        "Y101",
        "labels",
        f"the inputs are what a network answered over {where}, which shuffles, and their targets "
        f"are in the order of {order}: {apart:.0%} of the {len(mine)} rows have the target of "
        "another one",
        "collect the targets in the same loop as the features, or walk over the data with "
        "shuffle=False",
        level="error",
    )


def are_the_same(features: Tensor, inputs: Tensor) -> bool:
    """Whether inputs are these features, as they are, standardised, or each of length 1."""
    one, other = (t.detach().cpu().reshape(len(t), -1).double() for t in (features, inputs))
    if one.shape != other.shape or not bool(
        torch.isfinite(one).all() & torch.isfinite(other).all()
    ):
        return False
    spread = one.std(0) > 1e-6
    if not bool(spread.any()):
        return False
    one, other = one[:, spread], other[:, spread]
    for alike in (_standardised, _of_length_one):
        if float((alike(one) - alike(other)).abs().max()) < NEAR:
            return True
    return False


def _standardised(rows: Tensor) -> Tensor:
    return (rows - rows.mean(0)) / rows.std(0).clamp(min=1e-12)


def _of_length_one(rows: Tensor) -> Tensor:
    return rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-12)
