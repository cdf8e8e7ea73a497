"""Held-out edges of a graph that the network is given as part of the graph: S103."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lamplighter.checks.edges import edges_known_beforehand
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import SeenModel, World

SCORES = ("roc_auc_score", "average_precision_score")
MOST_NODES = 8192
MOST_CALLS = 64
FEWEST = 32


@dataclass(eq=False)
class Asked:
    """Pairs of nodes that a network was asked about at evaluation.

    Args:
        pairs: `(P, 2)`.
        graphs: what it holds or is given as a graph: `(N, N)` or `(2, E)`.
    """

    pairs: Tensor
    graphs: list[Tensor]
    place: Place | None


class KnownEdges(Watcher):
    """Remembers pairs of numbers beside a square matrix or a list of edges."""

    codes = ("S103",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.trained: dict[SeenModel, set[tuple[int, int]]] = {}
        self.asked: dict[SeenModel, Asked] = {}
        self.waiting: tuple[nn.Module, list[Tensor], list[Tensor]] | None = None
        self.calls = 0

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self.waiting = None
        given = [t for t in (*args, *kwargs.values()) if isinstance(t, Tensor)]
        pairs = [t for t in given if _may_be_pairs(t)]
        if not pairs:
            return
        graphs = [t for t in (*given, *module.buffers()) if _is_matrix(t)]
        if graphs or len(pairs) > 1:
            self.waiting = (module, pairs, graphs)

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        if self.waiting is None or self.waiting[0] is not module:
            return
        (_, given, graphs), self.waiting = self.waiting, None
        model = self.world.seen(module)
        learns = torch.is_grad_enabled() and module.training
        self.calls += learns
        if learns and self.calls > MOST_CALLS:
            return
        pairs = [_as_pairs(t) for t in given]
        if learns:
            known = self.trained.setdefault(model, set())
            known.update(map(tuple, pairs[-1].tolist()))
            return
        rows = len(output) if isinstance(output, Tensor) and output.dim() else 0
        mine = next((p for p in reversed(pairs) if len(p) == rows), None)
        if mine is not None and rows >= FEWEST:
            others = [p.T for p in pairs if p is not mine]
            self.asked[model] = Asked(mine, [*graphs, *others], here())

    def score_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if name not in SCORES or self.world.found("S103"):
            return
        truth = np.asarray(given.get("y_true")).reshape(-1)
        for model, one in self.asked.items():
            known = self.trained.get(model)
            if known is None or len(one.pairs) != len(truth):
                continue
            right = [tuple(p) for p, t in zip(one.pairs.tolist(), truth, strict=True) if t == 1]
            if sum(pair in known for pair in right) > 0.5 * len(right):
                continue  # how well it knows what it was trained on
            for graph in one.graphs:
                told = edges_known_beforehand(graph, one.pairs, torch.as_tensor(truth))
                self.world.adopt(told, one.place)


def _may_be_pairs(tensor: Tensor) -> bool:
    """Whether a tensor has the kind and shape of `(P, 2)` or `(2, P)` node numbers."""
    if tensor.dtype not in (torch.int64, torch.int32) or tensor.dim() != 2:
        return False
    return 2 in tensor.shape and max(tensor.shape) >= FEWEST


def _as_pairs(tensor: Tensor) -> Tensor:
    """`(P, 2)` from either layout."""
    plain = tensor.detach().cpu()
    return plain if plain.shape[1] == 2 else plain.T


def _is_matrix(tensor: Tensor) -> bool:
    if tensor.dim() != 2 or tensor.is_sparse or not FEWEST <= len(tensor) <= MOST_NODES:
        return False
    return tensor.shape[0] == tensor.shape[1] and not tensor.requires_grad
