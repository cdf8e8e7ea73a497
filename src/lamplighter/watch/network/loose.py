"""Parameters outside every network that losses need and no optimizer holds: O101."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks.optimizer import loose_parameter
from lamplighter.watch.events import Watcher
from lamplighter.watch.loss.graphs import leaves_of
from lamplighter.watch.source.place import Place, here, line_of_class, names_of

if TYPE_CHECKING:
    from lamplighter.watch.world import World

DEEP = 4_000  # nodes of a graph in which leaves are looked for
LOOKS = 10  # backward passes, at the doubles of the first, that are read
LONG = 20  # steps through which the same parameter was needed


@dataclass(eq=False, slots=True)
class Leaf:
    """One parameter, as it was when it was first met, and after how many steps."""

    ref: weakref.ref[nn.Parameter]
    values: torch.Tensor
    steps: int
    place: Place | None
    name: str
    newest: int = 0


class LooseParameters(Watcher):
    """Looks at the leaves of a few graphs, the later ones ever further apart."""

    codes = ("O101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = 0
        self.leaves: dict[int, Leaf] = {}
        self.filled: set[int] = set()  # modules into which weights were loaded

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        self.count += 1
        if self.count & (self.count - 1) or self.count >= 1 << LOOKS:
            return
        held = self.world.held()
        for root in roots:
            for leaf in leaves_of(root, DEEP):
                if isinstance(leaf, nn.Parameter) and leaf.requires_grad and id(leaf) not in held:
                    self._met(leaf)

    def _met(self, leaf: nn.Parameter) -> None:
        known = self.leaves.get(id(leaf))
        if known is None or known.ref() is not leaf:
            values = leaf.detach().clone() if leaf.numel() <= 4096 else leaf.detach()[:1].clone()
            names = names_of(leaf)
            name = names[0] if names else ""
            known = Leaf(weakref.ref(leaf), values, self.world.steps, here(), name)
            self.leaves[id(leaf)] = known
        known.newest = self.world.steps

    def ended(self) -> None:
        if not self.leaves:
            return
        inside: dict[int, tuple[str, Any]] = {}
        held = self.world.held()
        for model, module in self.world.networks():
            for name, p in module.named_parameters():
                inside.setdefault(id(p), (f"{model.name}.{name}", module))
        for leaf in self.leaves.values():
            parameter = leaf.ref()
            if parameter is None or id(parameter) in held or leaf.newest - leaf.steps < LONG:
                continue
            name, module = inside.get(id(parameter), (leaf.name, None))
            # weights of a whole network may be pretrained, and gradients only pass through them
            small = module is None or all(p.dim() < 2 for p in module.parameters())
            small = small or (self._is_new(module) and not self.world.found("O101"))
            now = parameter.detach()
            now = now if now.numel() <= 4096 else now[:1]
            if small and name and torch.equal(now, leaf.values):
                told = loose_parameter(name, tuple(parameter.shape), leaf.newest)
                self.world.adopt(told, self._place(leaf))

    def _is_new(self, module: nn.Module) -> bool:
        """A single layer of the program's own, such as the centres of a loss: made here and in use."""
        model = self.world.seen(module)
        own = len(list(module.parameters())) == 1 and line_of_class(type(module)) is not None
        new = self.world.origins.birth(module) is not None and id(module) not in self.filled
        return own and new and module.training and not model.trained

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        self.filled |= {id(inner) for inner in module.modules()}

    def _place(self, leaf: Leaf) -> Place | None:
        stepping = [r for r in self.world.optimizers.values() if r.steps and r.place is not None]
        return stepping[0].place if stepping else leaf.place
