"""Family M: gaps that were made in an input, and an input without them: M114."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

MOSTLY = 0.5  # of the gaps hold one and the same filling


def gaps_between(shown: Tensor, whole: Tensor) -> Tensor | None:
    """Where one tensor hides what another shows, or None where it is no such pair.

    Args:
        shown: with gaps.
        whole: without.

    Returns:
        True at each value that differs, where most of them are filled with the same.
    """
    if shown.shape != whole.shape or shown.dtype != whole.dtype or shown.dim() < 2:
        return None
    gaps = shown != whole
    count = int(gaps.sum())
    if not 2 <= count <= 0.9 * gaps.numel():
        return None
    filling = shown[gaps]
    if float((filling == filling.mode().values).float().mean()) < MOSTLY:
        return None
    return gaps


def asks_for_gaps(
    target: Tensor, whole: Tensor, gaps: Tensor, masks: list[Tensor], ignored: int
) -> bool:
    """Whether a loss asks for what is in the gaps, and for little else.

    Args:
        target: of the loss.
        whole: what the network was given.
        gaps: of the other tensor, in the shape of `whole`.
        masks: boolean tensors of that shape that the program holds.
        ignored: the number of the class that the loss leaves out.
    """
    if target.dtype != whole.dtype:
        return False
    if target.numel() == whole.numel() and not target.is_floating_point():
        asked = target.reshape(whole.shape) != ignored
        if bool(asked.all()) or bool((gaps & ~asked).any()):
            return False
        return torch.equal(target.reshape(whole.shape)[asked], whole[asked])
    fitting = [m for m in (gaps, *masks) if int(m.sum()) == target.numel()]
    around = [m for m in fitting if not bool((gaps & ~m).any())]
    return any(torch.equal(whole[m], target.flatten()) for m in around)


def gaps_in_sight(name: str, share: float) -> Iterator[Finding]:
    """M114: what was hidden for the network to guess is in its input, and the gaps are in none.

    Args:
        name: as the program calls the input with gaps.
        share: of the input that is hidden there.
    """
    yield found(
        "M114",
        f"`{name}`",
        f"{share:.0%} of the input is hidden in it, the loss asks for what is hidden there, and "
        "the network is given the input without gaps: it has only to copy",
        f"give the network {name}",
        level="error",
    )
