"""Family M, for graphs: the nodes that the edges of a joined batch point at: M104."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 4  # graphs of a batch


def is_owner(numbers: Tensor) -> bool:
    """Whether whole numbers say of each node to which graph of the batch it belongs.

    Args:
        numbers: any tensor.
    """
    if numbers.dim() != 1 or numbers.dtype not in (torch.int64, torch.int32):
        return False
    if len(numbers) < 2 * FEWEST or int(numbers[0]) != 0:
        return False
    steps = numbers.diff()
    return bool(((steps == 0) | (steps == 1)).all()) and int(numbers[-1]) >= FEWEST - 1


def edges_of_first_graphs(edges: Tensor, owner: Tensor) -> Iterator[Finding]:
    """M104: the edges of all graphs of a batch point at the nodes of the first ones.

    Args:
        edges: `(2, E)` or `(E, 2)` numbers of nodes.
        owner: `(N,)` graph of each node, from 0, in order.
    """
    ends = edges if edges.shape[0] == 2 else edges.T
    counts = torch.bincount(owner)
    if ends.shape[1] < len(counts) or ends.numel() == 0 or int(ends.min()) < 0:
        return
    highest, largest = int(ends.max()), int(counts.max())
    if highest >= largest or len(owner) < 2 * largest:
        return
    yield found(
        "M104",
        "edges",
        f"the batch joins {len(counts)} graphs with {len(owner)} nodes, and none of its "
        f"{ends.shape[1]} edges points beyond node {highest}: each graph's edges are numbered from "
        "0, so all of them lie among the nodes of the first graphs",
        "add to each graph's edges the number of nodes before it: edges.append(edge + offset)",
    )
