"""Models whose parameters are saved and whose statistics are not: A102."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from lamplighter.watch.events import Watcher
from lamplighter.watch.files.tensors_within import addresses_within
from lamplighter.watch.network.norms import norms_of
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

DEEP = 3  # containers within containers


@dataclass(frozen=True)
class HalfSaved:
    """All parameters of a model in one file, without the statistics that its BatchNorms learned."""

    model: weakref.ref[nn.Module]
    name: str
    norms: tuple[str, ...]
    parameters: int
    place: Place | None


class Unsaved(Watcher):
    """Holds what is written to files against what a trained model needs to answer as it does."""

    codes = ("A102",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.suspects: dict[int, HalfSaved] = {}
        self.whole: set[int] = set()

    def state_taken(self, module: nn.Module, state: dict[str, Any]) -> None:
        # copied to the CPU or to half precision on its way to a file, it would not be known again
        self.whole |= {id(inner) for inner in module.modules()}

    def saved(self, thing: Any) -> None:
        if isinstance(thing, nn.Module):
            self.whole |= {id(inner) for inner in thing.modules()}
            return
        kept = addresses_within(thing, DEEP)
        for model, module in self.world.networks() if kept else ():
            norms = [(n, norm) for n, norm in norms_of(module) if _has_learned(norm)]
            if any(_mean_of(norm).data_ptr() in kept for _, norm in norms):
                self.whole.add(id(module))
            parameters = list(module.parameters())
            if norms and model.trained and all(p.data_ptr() in kept for p in parameters):
                names = tuple(name for name, _ in norms)
                self.suspects[id(module)] = HalfSaved(
                    weakref.ref(module), model.name, names, len(parameters), here()
                )

    def ended(self) -> None:
        for key, one in self.suspects.items():
            module = one.model()
            if key in self.whole or (module is not None and id(module) in self.whole):
                continue  # they are in a file too, of this save or of another
            more = f" and {len(one.norms) - 1} more" if len(one.norms) > 1 else ""
            self.world.report(
                "A102",
                "warning",
                f"`{one.name}`",
                f"all {one.parameters} parameters are saved and no buffer is: in a new model the "
                f"running mean and variance of {one.norms[0]}{more} begin at 0 and 1 again, so "
                "that in eval mode it answers otherwise than this one",
                "save the whole state, which has the buffers: torch.save(model.state_dict(), file)",
                one.place,
            )


def _has_learned(norm: nn.modules.batchnorm._BatchNorm) -> bool:
    """Whether its statistics are other than those of a new layer."""
    return norm.running_mean is not None and bool(norm.running_mean.any())


def _mean_of(norm: nn.modules.batchnorm._BatchNorm) -> Tensor:
    assert norm.running_mean is not None
    return norm.running_mean
