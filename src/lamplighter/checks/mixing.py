"""Inputs and targets that are mixed with those of other samples: Y114."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


@dataclass(frozen=True)
class Mixture:
    """Which sample was mixed into which.

    Args:
        partners: `(B,)` the number of each sample's partner.
        share: `(B,)` what is left of the sample itself; NaN where that cannot be told.
    """

    partners: Tensor
    share: Tensor


def mixture_of(mixed: Tensor, own: Tensor, others: Tensor, partners: Tensor) -> Mixture | None:
    """How `mixed` was made of samples and of their partners, or None where it was not.

    Args:
        mixed: `(B, …)` floating point.
        own: the samples themselves.
        others: `own[partners]`.
        partners: `(B,)`.
    """
    if mixed.shape != own.shape or own.shape != others.shape or not mixed.is_floating_point():
        return None
    if not own.is_floating_point() or mixed.dim() < 2:
        return None
    whole, mine, theirs = (t.detach().flatten(1).double() for t in (mixed, own, others))
    apart = mine - theirs
    length = (apart * apart).sum(1)
    counted = length > 1e-12
    if int(counted.sum()) < 2:
        return None
    share = ((whole - theirs) * apart).sum(1) / length.clamp(min=1e-12)
    rest = (whole - theirs - share[:, None] * apart).abs().amax(1)
    limit = 1e-4 * (1 + mine.abs().amax(1))
    if bool((rest[counted] > limit[counted]).any()):
        return None
    if bool(((share < -1e-4) | (share > 1 + 1e-4))[counted].any()):
        return None
    if bool((share[counted] > 1 - 1e-4).all()):
        return None  # nothing was mixed in
    return Mixture(partners.detach().cpu(), torch.where(counted, share, torch.nan).cpu())


def partners_differ(inputs: Mixture, targets: Mixture, labels: Tensor) -> Iterator[Finding]:
    """Y114: the targets were mixed with those of other samples than the inputs.

    Args:
        inputs: how the inputs were mixed.
        targets: how the targets were.
        labels: `(B, …)` targets before they were mixed.
    """
    if len(inputs.partners) != len(targets.partners) or len(labels) != len(inputs.partners):
        return
    kept = labels.detach().cpu()
    right, given = kept[inputs.partners], kept[targets.partners]
    wrong = (right != given).reshape(len(kept), -1).any(1)
    if int(wrong.sum()) >= max(2, len(kept) // 8):
        yield found(
            "Y114",
            "targets",
            f"the inputs are mixed with those of other samples, and {int(wrong.sum())} of "
            f"{len(kept)} targets with the target of yet another one: the order was drawn twice",
            "draw it once: partner = torch.randperm(len(x)), then x[partner] and y[partner]",
        )
        return
    both = ~(inputs.share.isnan() | targets.share.isnan())
    one, other = inputs.share[both], targets.share[both]
    if len(one) < 2 or float((one - 0.5).abs().max()) < 0.02:
        return
    if bool(((one + other - 1).abs() < 1e-3).all()):
        yield found(
            "Y114",
            "targets",
            f"the inputs keep {float(one.mean()):.0%} of the sample itself and the targets "
            f"{float(other.mean()):.0%}: the two shares are exchanged",
            "give both the same share: lam * x + (1 - lam) * x[partner], and the same with y",
        )
