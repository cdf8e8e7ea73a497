"""Checkpoints with an optimizer's state that lack one of the networks which it moves: A103."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.watch.events import Watcher
from lamplighter.watch.files.tensors_within import addresses_within, tensors_within
from lamplighter.watch.identity import ByIdentity, address_of
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

DEEP = 5  # containers within containers: checkpoint, optimizer, state, one weight's
MOST = 4  # optimizers whose files are remembered


class HalfSaved(Watcher):
    """Holds what lies beside an optimizer's state in a file against what that optimizer moves."""

    codes = ("A103",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.taken: ByIdentity[bool] = ByIdentity()  # networks whose state was ever asked for
        self.kept: ByIdentity[bool] = ByIdentity()  # these and their parts, and what is in a file
        self.files: dict[int, tuple[weakref.ref[torch.optim.Optimizer], Place | None]] = {}

    def state_taken(self, module: nn.Module, state: dict[str, Any]) -> None:
        if not self.taken.get(module):
            self.taken[module] = True
            for inner in module.modules():
                self.kept[inner] = True

    def saved(self, thing: Any) -> None:
        for module in (thing, *(thing.values() if isinstance(thing, dict) else ())):
            if isinstance(module, nn.Module):
                self.state_taken(module, {})
        if not isinstance(thing, dict):
            return
        kept = addresses_within(thing, DEEP)
        for model, module in self.world.networks():
            if model.trained and any(address_of(p) in kept for p in module.parameters()):
                self.kept[module] = True
        for record in self.world.optimizers.values():
            optimizer = record.ref() if len(self.files) < MOST else None
            if optimizer is not None and record.steps and id(optimizer) not in self.files:
                averages = tensors_within(dict(optimizer.state), 2)
                if any(t.dim() and address_of(t) in kept for t in averages):
                    self.files[id(optimizer)] = (weakref.ref(optimizer), here())

    def ended(self) -> None:
        for ref, place in self.files.values():
            optimizer = ref()
            if optimizer is None:
                continue
            mine = {id(p) for g in optimizer.param_groups for p in g["params"]}
            moved = [(m, n) for m, n in self.world.networks(mine) if m.trained]
            lacking = [(m, n) for m, n in moved if not self._is_kept(n)]
            if not lacking or len(lacking) == len(moved):
                continue
            model, module = lacking[0]
            self.world.report(
                "A103",
                "warning",
                f"`{model.name}`",
                f"a file holds the state of the {type(optimizer).__name__} and not the "
                f"{len(list(module.parameters()))} tensors of `{model.name}`, which it moves too and "
                "which nothing else saves: what was learned there is gone with the program",
                f"save {model.name}.state_dict() as well",
                place,
            )

    def _is_kept(self, module: nn.Module) -> bool:
        """Whether each weight of a network lies in a part whose state was asked for."""
        if self.kept.get(module):
            return True
        parts = [inner for inner in module.modules() if self.kept.get(inner)]
        held = {id(p) for part in parts for p in part.parameters()}
        return all(id(p) in held for p in module.parameters())
