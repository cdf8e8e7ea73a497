"""What enters a network at its first training call, whatever loss follows: D101, D103–D105."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks import data
from lamplighter.checks.batches import tensors_in
from lamplighter.checks.finding import Finding
from lamplighter.checks.observed import observed
from lamplighter.checks.snapshot import copied, probing
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.probes import LARGEST
from lamplighter.watch.source.place import Place, function_of, here_exactly, is_users
from lamplighter.watch.source.pointing import pointed, pointed_from_call

if TYPE_CHECKING:
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.world import SeenModel, World

MOST = 4  # networks that are looked at
ROWS = 64


@dataclass(eq=False)
class First:
    """The first training call of one network."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: Tensor
    place: Place | None
    loader: SeenLoader | None


class Entrance(Watcher):
    """Looks at the inputs, and at what the first layer with weights makes of them, on a copy."""

    codes = ("D101", "D103", "D104", "D105")

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: set[SeenModel] = set()
        self.waiting: list[First] = []

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        record = self.world.seen(module)
        if len(self.known) >= MOST or record in self.known or not module.training:
            return
        inputs = next(tensors_in([*args, *kwargs.values()]), None)
        if inputs is None or inputs.requires_grad or not torch.is_grad_enabled():
            return
        if not inputs.dim() or len(inputs) < 2 or not inputs.is_floating_point():
            return
        self.known.add(record)
        loader = self.world.walked.get(id(self.world.loader()))
        self.waiting.append(First(module, args, kwargs, inputs.detach(), here_exactly(), loader))

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        waiting, self.waiting = self.waiting, []
        if len(waiting) != 1:
            return  # a generator beside its critic: what enters the second is no data
        first = waiting[0]
        if not self.world.moves(optimizer, first.module):
            return
        for finding in self._look(first):
            if not self.world.found(finding.code):
                self.world.adopt([finding], self._line(finding.code, first))

    def _line(self, code: str, first: First) -> Place | None:
        if code == "D104" and not any(True for _ in data.scaled_twice(first.inputs[:ROWS])):
            return _line_in_forward(first.module) or first.place
        mine = first.loader
        if mine is not None and mine.place is not None:
            loader = mine.ref()
            return pointed(code, mine.place, loader.dataset if loader is not None else None)
        return pointed_from_call(code, first.place, None) or first.place

    def _look(self, first: First) -> Iterator[Finding]:
        rows = first.inputs[:ROWS]
        if not bool(torch.isfinite(rows).all()):
            return
        twice = list(data.scaled_twice(rows))
        yield from twice
        yield from data.reshaped_for_permuted(rows)
        wide = rows.dim() > 1 and float(rows.abs().max()) > 30
        inside = is_picture(rows) and not twice and not isinstance(first.module, nn.Sequential)
        if wide or inside:
            yield from self._at_the_first_layer(first)

    def _at_the_first_layer(self, first: First) -> Iterator[Finding]:
        """D103 and D104, where the network itself does or does not scale its inputs."""
        size = sum(p.numel() * p.element_size() for p in first.module.parameters())
        if size > LARGEST:
            return
        with probing(first.module), torch.no_grad():
            double = copied(first.module, first.module).eval()
            with observed(double) as forward:
                double(*first.args, **first.kwargs)
        entered = None if forward.standardised else forward.first_input
        if entered is None or entered.dim() < 2 or not bool(torch.isfinite(entered).all()):
            return
        if is_picture(first.inputs) and entered.shape[1:] == first.inputs.shape[1:]:
            where = f"`{forward.first_layer}` within the network"
            yield from data.scaled_twice(entered[:ROWS], where=where)
        if float(first.inputs[:ROWS].abs().max()) > 30:
            yield from data.not_normalised(entered.contiguous(), absorbed=forward.absorbed)


def is_picture(inputs: Tensor) -> bool:
    """Whether inputs have the shape of pictures, `(N, C, H, W)` with 1 or 3 channels."""
    return inputs.dim() == 4 and inputs.shape[1] in data.IMAGE_CHANNELS


def _line_in_forward(module: nn.Module) -> Place | None:
    """The first line of a network's own `forward` that computes, where it is the user's."""
    code = type(module).forward.__code__
    function = function_of(code) if is_users(code.co_filename) else None
    nodes = [n for n in ast.walk(function) if isinstance(n, ast.stmt)] if function else []
    for node in sorted(nodes[1:], key=lambda n: n.lineno):
        parts = list(ast.walk(node))
        if any(isinstance(part, ast.BinOp | ast.AugAssign) for part in parts):
            return Place(code.co_filename, node.lineno)
    return None
