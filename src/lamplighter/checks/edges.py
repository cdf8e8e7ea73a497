"""Edges of a graph that are to be foretold, and the graph that is given: S103."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 8  # pairs of either answer
ALIKE = 0.99


def edges_known_beforehand(
    graph: Tensor, pairs: Tensor, truth: Tensor, *, where: str = "the graph"
) -> Iterator[Finding]:
    """S103: the graph that carries the messages has just the edges that are to be foretold.

    Args:
        graph: `(N, N)`, where no edge is 0, or a list of edges `(2, E)`.
        pairs: `(P, 2)` pairs of nodes that are asked about.
        truth: `(P,)` 1 where they are joined.
    """
    one, other = pairs[:, 0].long(), pairs[:, 1].long()
    right = truth.reshape(-1) == 1
    if min(int(right.sum()), int((~right).sum())) < FEWEST or len(right) != len(pairs):
        return
    apart = one != other
    if graph.shape[0] == graph.shape[1]:
        if int(pairs.min()) < 0 or int(pairs.max()) >= len(graph):
            return
        held = graph.detach().cpu()
        joined = (held[one, other] != 0) | (held[other, one] != 0)
    else:
        size = int(max(graph.max(), pairs.max())) + 1
        ends = graph.detach().cpu().long()
        known = torch.cat([ends[0] * size + ends[1], ends[1] * size + ends[0]])
        joined = torch.isin(one * size + other, known)
    same = float((joined == right)[apart].float().mean())
    if same >= ALIKE:
        yield found(
            "S103",
            where,
            f"it joins the {int(right.sum())} held-out pairs that are edges and not the "
            f"{int((~right).sum())} others: the network is given the answers as part of its graph",
            "make the graph from the edges of train alone, and ask about the rest",
        )
