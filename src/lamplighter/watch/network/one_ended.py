"""Bidirectional layers of which one end, or one direction, reaches the loss: M114."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.one_ended import one_place_is_used, one_state_is_used
from lamplighter.watch.events import Watcher
from lamplighter.watch.loss.graphs import is_loss, slopes_at
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lamplighter.checks.finding import Finding
    from lamplighter.watch.world import World

LOOKS = 4  # losses that are asked
SURE = 2  # losses that must show it, and none the contrary
SHORTEST = 4  # tokens of a sequence of which one is little
MOST = 4  # layers of one loss
OF_LAYER = re.compile(r"(^|\.)(weight|bias)_(ih|hh)_l\d+(_reverse)?$")
KINDS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}


@dataclass(eq=False, slots=True)
class Run:
    """What a bidirectional layer gave.

    Args:
        kind: of layer.
        output: `(B, T, 2H)`, `(T, B, 2H)` or, packed, `(N, 2H)`.
        state: `(2L, B, H)`, the final hidden states.
        ends: like the places of the output, True at the last, and at the first, of each sequence.
        places: of the longest sequence.
        place: the line that called it.
    """

    kind: str
    output: Tensor
    state: Tensor
    ends: tuple[Tensor, Tensor]
    places: int
    place: Place | None


class OneEnded(Watcher):
    """Asks the first losses which places of the output and which final states they depend on."""

    codes = ("M114",)
    operations = frozenset(KINDS)

    def __init__(self, world: World) -> None:
        self.world = world
        self.runs: list[Run] = []
        self.looks = 0
        self.hits = Often(SURE)
        self.told = False

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        kind = KINDS.get(name)
        if kind is None or self.looks >= LOOKS or len(args) != 9 or not isinstance(result, tuple):
            return
        if len(self.runs) < MOST and result[0].requires_grad:
            run = _run_of(kind, args, result)
            if run is not None:
                self.runs.append(run)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        runs, self.runs = self.runs, []
        if not runs or self.looks >= LOOKS or not is_loss(roots[0]):
            return
        self.looks += 1
        slopes = slopes_at(roots[0], [t for run in runs for t in (run.output, run.state)])
        for number, run in enumerate(runs):
            found = list(_judge(run, slopes[2 * number], slopes[2 * number + 1]))
            if not found:
                self.hits.spoil(run.place)
            elif self.hits.again(run.place):
                self.told = True
                self.world.adopt(found, run.place)

    def woken(self) -> None:
        self.runs = []

    def ended(self) -> None:
        """A direction that reads one token begins at zeros: its weights get no gradient for that."""
        if not self.told:
            return
        for code, where in [key[:2] for key in self.world.findings]:
            if code == "M108" and all(OF_LAYER.search(name) for name in where.split(", ")):
                self.world.withdraw(code, where)


def _run_of(kind: str, args: tuple[Any, ...], result: tuple[Any, ...]) -> Run | None:
    """What is known of one call, or None where it reads one way, or too little."""
    output, state = result[0], result[1]
    sizes = args[1]
    if isinstance(sizes, Tensor) and not sizes.is_floating_point() and sizes.dim() == 1:
        if not args[8] or len(sizes) < SHORTEST:
            return None
        # of a packed batch, the sequences are sorted by length and lie place by place
        steps = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
        row = torch.cat([torch.arange(int(n)) for n in sizes])
        lengths = (sizes[None] > torch.arange(int(sizes[0]))[:, None]).sum(1)
        last, first = steps == lengths[row] - 1, steps == 0
        last, first = last.to(output.device), first.to(output.device)
        return Run(kind, output, state, (last, first), len(sizes), here())
    if not args[7] or output.dim() != 3:
        return None
    along = 1 if args[8] else 0
    places = output.shape[along]
    if places < SHORTEST:
        return None
    steps = torch.arange(places, device=output.device)
    shape = (1, -1) if along else (-1, 1)
    ends = (steps == places - 1).view(shape), (steps == 0).view(shape)
    return Run(kind, output, state, ends, places, here())


def _judge(run: Run, output: Tensor | None, state: Tensor | None) -> Iterator[Finding]:
    """What slopes of the loss tell of one call."""
    states = (state != 0).flatten(1).any(1) if state is not None else None
    stateful = states is not None and bool(states.any())
    half = run.output.shape[-1] // 2
    used = [(part != 0).any(-1) for part in output.split(half, -1)] if output is not None else []
    placed = any(bool(part.any()) for part in used)
    if placed and not stateful:
        for end, last in zip(run.ends, (True, False), strict=True):
            # the other half counts as well: who uses it elsewhere has chosen places on purpose
            if all(bool(part.any()) and not bool((part & ~end).any()) for part in used):
                yield from one_place_is_used(run.kind, run.places, last=last)
    elif stateful and not placed and states is not None:
        forward, backward = (bool(s) for s in states[-2:])
        if forward != backward:
            yield from one_state_is_used(run.kind, backward=backward)
