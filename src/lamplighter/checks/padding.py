"""Family M, for padded sequences: what a network does where there are no words."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding, Level

LENGTHS = 3  # different lengths in one batch, at least


def padded_features(rows: Tensor) -> Tensor | None:
    """`(B, T)` True at trailing padding of rows of features, or None where no padding is seen.

    Args:
        rows: `(B, T)` or `(B, T, …)` floating point; padding is one number throughout.
    """
    frames = rows.detach().reshape(rows.shape[0], rows.shape[1], -1)
    ends = frames[:, -1]
    ends = ends[(ends == ends[:, :1]).all(1), 0]
    if len(ends) * 4 < len(rows):
        return None
    filled = (frames == ends.mode().values).all(2)
    padded = filled.flip(1).long().cumprod(1).flip(1).bool()
    lengths = (~padded).sum(1)
    if bool((filled == padded).all()) and len(torch.unique(lengths)) >= LENGTHS:
        return padded if bool((lengths > 0).all()) else None
    return None


def mask_inverted(
    ignored: Tensor, padded: Tensor, *, where: str = "attention"
) -> Iterator[Finding]:
    """M116: the attention leaves out the words and reads the padding.

    Args:
        ignored: `(B, T)` True at the keys that the attention leaves out.
        padded: `(B, T)` True at the padding.
        where: the layer.
    """
    if ignored.shape != padded.shape or not bool(padded.any()) or bool(padded.all()):
        return
    mixed = padded.any(1)  # a row without padding tells nothing
    if bool((ignored[mixed] == ~padded[mixed]).all()):
        yield found(
            "M116",
            where,
            f"the mask leaves out all {int((~padded).sum())} words and lets all "
            f"{int(padded.sum())} padded places take part",
            "invert the mask: key_padding_mask is True where a place is padding, the attn_mask of "
            "scaled_dot_product_attention is True where it is not",
        )


def mask_over_queries(padded: Tensor, *, where: str = "attention") -> Iterator[Finding]:
    """M116: the mask of the padding is laid over the rows of the scores, and softmax over columns.

    Args:
        padded: `(B, T)` True at the padding.
        where: the layer.
    """
    yield found(
        "M116",
        where,
        f"the mask of {int(padded.sum())} padded places is a column, (…, T, 1): it blanks what the "
        "padding asks and leaves the padding visible to every word",
        "lay the mask over the keys, (…, 1, T): mask.unsqueeze(1) of a (B, T) mask",
    )


def padding_changes_answer(
    padded: Tensor, short: Tensor, *, pads: int, level: Level = "error", where: str = "model"
) -> Iterator[Finding]:
    """M115: the same words give another answer without the padding behind them.

    Args:
        padded: the answer to one row with its padding, in evaluation mode.
        short: the answer to the same row without it.
        pads: how many places were taken away.
        level: "warning" where nothing says that the program means to leave padding out.
        where: the network.
    """
    if padded.dim() > 2 and padded.shape[1] > short.shape[1]:
        padded = padded[:, : short.shape[1]]  # one answer per place: those of the words count
    if padded.shape != short.shape:
        return
    gap = float((padded.float() - short.float()).abs().max())
    size = float(padded.float().abs().max()) + 1e-12
    if gap > 1e-2 * size:
        yield found(
            "M115",
            where,
            f"without the {pads} padded places at its end, a row's answer moves by {gap:.3g} "
            f"({gap / size:.0%}): the padding is read as if it were words",
            "take the state at the last real word, out[torch.arange(len(x)), lengths - 1], or pack "
            "the rows with pack_padded_sequence",
            level=level,
        )
