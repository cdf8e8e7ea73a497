"""Token rows that the source cuts at their greatest length: D113."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.utils.data import DataLoader

from lamplighter.checks import data
from lamplighter.checks.finding import Finding
from lamplighter.watch.source.pointing import shows
from lamplighter.watch.source.shortening import line_that_cuts_at

if TYPE_CHECKING:
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.data.rows import Rows
    from lamplighter.watch.world import World


def rows_cut(
    world: World, mine: SeenLoader, rows: Rows, loader: DataLoader[Any] | None
) -> Iterator[Finding]:
    """D113, where the source shortens rows: else they may be windows of a text."""
    tokens, dataset = rows.inputs, loader.dataset if loader is not None else None
    if tokens is None or tokens.dim() != 2 or tokens.is_floating_point():
        return
    paddings = _paddings(world)
    if not paddings:
        return
    is_cut, line = shows("D113", mine.place, dataset), line_that_cuts_at(tokens.shape[1], dataset)
    for padding in paddings:
        if is_cut:
            yield from data.never_padded(tokens, padding, where=mine.name)
        if line is not None:
            yield from data.sequences_cut(tokens, padding=padding, where=mine.name)


def _paddings(world: World) -> set[int]:
    """The padding ids of the embeddings of networks that were called."""
    called = [network for model, network in world.networks() if model.calls]
    inner = [layer for network in called for layer in network.modules()]
    kinds = (nn.Embedding, nn.EmbeddingBag)
    return {e.padding_idx for e in inner if isinstance(e, kinds) and e.padding_idx is not None}
