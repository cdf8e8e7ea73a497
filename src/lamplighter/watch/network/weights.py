"""Weights that are not what they shall be: I104, I105 after loading, M111 where declared frozen."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks.loaded import weights_not_loaded
from lamplighter.checks.structure import frozen_part_changed
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.likeness import some_of
from lamplighter.watch.source.place import Place, user_frame

if TYPE_CHECKING:
    from lamplighter.watch.world import World

ALIKE = 0.5  # of the angle between old and new values; fresh ones have about 0
FEW = 64  # values of each tensor that are remembered


@dataclass(eq=False, slots=True)
class Loaded:
    """A few values of each weight just after a state was loaded, and which function loaded it."""

    model: weakref.ref[nn.Module]
    values: dict[str, torch.Tensor]
    place: Place | None
    code: CodeType | None


class Weights(Watcher):
    """Compares weights with what was loaded, and with what was declared frozen.

    Args:
        world: the shared memory.
        frozen: prefixes of parameter names that are to stay.
    """

    codes = ("I104", "I105", "M111")

    def __init__(self, world: World, frozen: tuple[str, ...] = ()) -> None:
        self.world = world
        self.frozen = frozen
        self.loaded: list[Loaded] = []
        self.before: dict[int, dict[str, torch.Tensor]] = {}

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        frame = user_frame()
        code = frame.f_code if frame is not None else None
        place = Place.of(frame) if frame is not None else None
        self.loaded = [one for one in self.loaded if one.model() is not module]
        self.loaded.append(Loaded(weakref.ref(module), sample_of(module), place, code))
        self._look_at_keys(module, state, place)

    def _look_at_keys(self, module: nn.Module, state: dict[str, Any], place: Place | None) -> None:
        # Strict loading raises; a state that is a part on purpose fits wherever it has a key.
        wanted, given = list(module.state_dict()), [str(key) for key in state]
        strangers = set(given) - set(wanted)
        if len(strangers) > len(given) / 2:
            self.world.adopt(weights_not_loaded(wanted, given), place)

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        waiting, self.loaded = self.loaded, []
        for one in waiting:
            module = one.model()
            if module is not None:
                self._compare(one, module)
        if self.frozen and not self.before:
            self.before = {
                key: {
                    name: p.detach().clone()
                    for name, p in module.named_parameters()
                    if name.startswith(self.frozen)
                }
                for key, model in self.world.models.items()
                if (module := model.module) is not None
            }

    def _compare(self, one: Loaded, module: nn.Module) -> None:
        now = sample_of(module)
        shared = [name for name in one.values if name in now]
        changed = [name for name in shared if _is_another(one.values[name], now[name])]
        if len(shared) >= 2 and len(changed) > len(shared) / 2:
            self.world.report(
                "I105",
                "error",
                f"`{changed[0]}`",
                f"{len(changed)} of {len(shared)} weights that were loaded here were overwritten "
                "before the first step: the training begins anew",
                "initialise first and load afterwards",
                self._line_of(one, module, changed[0]),
            )

    def _line_of(self, one: Loaded, module: nn.Module, name: str) -> Place | None:
        """Where the loading function has the weights filled again, else where it loaded them."""
        filling = self.world.origins.filling(module.get_parameter(name))
        return (filling.seen_from(one.code) if filling is not None else None) or one.place

    def ended(self) -> None:
        for key, before in self.before.items():
            model = self.world.models.get(key)
            module = model.module if model is not None else None
            if module is not None and model is not None:
                found = frozen_part_changed(before, module, self.frozen)
                self.world.adopt(found, model.place)


def _is_another(old: torch.Tensor, new: torch.Tensor) -> bool:
    """Whether nothing of the loaded values is left: pruned, scaled or shaken weights come of them."""
    if torch.equal(old, new):
        return False
    kept = (new == old) & (new != 0)
    if bool(kept.any()) and bool((kept | (new == 0)).all()):
        return False
    sizes = float(old.norm() * new.norm())
    return sizes == 0 or abs(float(old @ new)) < ALIKE * sizes


def sample_of(module: nn.Module) -> dict[str, torch.Tensor]:
    """A few values of each weight of two and more dimensions, in single precision on the CPU."""
    return {
        name: some_of(p, FEW).float().cpu()
        for name, p in module.named_parameters()
        if p.dim() > 1 and not isinstance(p, nn.parameter.UninitializedParameter)
    }
