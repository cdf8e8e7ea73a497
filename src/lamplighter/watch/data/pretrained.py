"""Pictures in another scale than the pretrained weights that they enter were trained with: T104."""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lamplighter.checks import pretrained
from lamplighter.checks.pretrained import Wanted
from lamplighter.watch.data.loaders import record_of
from lamplighter.watch.data.samples import parts_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place
from lamplighter.watch.source.pointing import pointed

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

    from lamplighter.checks.finding import Finding
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOKS = 2  # batches of one loader that are looked at


@dataclass(frozen=True)
class Look:
    """What is known of a call whose pictures are looked at when it is over."""

    wanted: Wanted
    loader: DataLoader[Any]
    place: Place | None


class Pretrained(Watcher):
    """Looks at what enters the first convolution, while its weights are those of torchvision."""

    codes = ("T104",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.read: list[tuple[Wanted, list[Tensor]]] = []
        self.known: dict[int, tuple[weakref.ref[Tensor], Wanted | None]] = {}
        self.row: Tensor | None = None
        self.looks: Counter[tuple[int, int]] = Counter()
        self.look: Look | None = None
        self.hook: RemovableHandle | None = None
        self.entered: Any = None
        self.late: list[tuple[Finding, Place | None]] = []

    def file_loaded(self, path: str, thing: Any) -> None:
        if PurePath(path).suffix != ".pth":
            return
        wanted = pretrained.registered().get(PurePath(path).name)
        if wanted is not None:
            layers = [layer.detach().clone() for layer in pretrained.first_layers(thing)]
            self.read = [(wanted, layers), *self.read[:3]]

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        layer = _first_layer(module)
        if layer is not None:
            self.known.pop(id(layer.weight), None)  # by now perhaps weights of one's own

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.row = None
        inputs = parts_of(batch)[0] if current.given <= LOOKS else None
        if inputs is not None and inputs.dim() == 4 and inputs.shape[1] == 3:
            self.row = inputs[0].detach().clone()  # the program may write into its batch

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self._forget()
        layer = _first_layer(module) if self.row is not None else None
        current = self.world.current()
        loader = current.loader() if current is not None else None
        if layer is None or current is None or loader is None:
            return
        key = (id(loader), id(layer.weight))
        wanted = self._wanted_by(layer.weight, module)
        if wanted is None or self.looks[key] >= LOOKS:
            return
        self.looks[key] += 1
        self.look = Look(wanted, loader, current.place)
        self.hook = layer.register_forward_pre_hook(self._entering)

    def _entering(self, layer: nn.Module, args: tuple[Any, ...]) -> None:
        # what is computed here would count as the program's own, so it waits for `module_left`
        self.entered = args[0]

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        look, pictures = self.look, self.entered
        self._forget()
        if look is None or not isinstance(pictures, Tensor) or not self._is_given(pictures):
            return
        dataset = look.loader.dataset
        scales = pretrained.normalisations(dataset)
        mine = record_of(self.world, look.loader)
        for finding in pretrained.not_as_wanted(pictures, look.wanted, scales, where=mine.name):
            place = pointed("T104", mine.place, dataset) or look.place
            if not scales and float(pictures.max()) > 1.001:
                self.late.append((finding, place))  # D103 tells raw pixels in training
            elif not self.world.found("T104"):
                self.world.adopt([finding], place)

    def _forget(self) -> None:
        if self.hook is not None:
            self.hook.remove()
        self.hook = self.look = self.entered = None

    def ended(self) -> None:
        self._forget()
        for finding, place in self.late[:1]:
            if not self.world.found("D103") and not self.world.found("T104"):
                self.world.adopt([finding], place)

    def _is_given(self, pictures: Tensor) -> bool:
        """Whether these are the loader's pictures, unchanged but for their device and precision."""
        row = self.row
        if row is None or pictures.shape[1:] != row.shape:
            return False
        return torch.equal(row.to(pictures.device, pictures.dtype), pictures[0].detach())

    def _wanted_by(self, weight: Tensor, model: nn.Module) -> Wanted | None:
        """The weights of torchvision that this one was loaded from; looked up while it has them."""
        ref, wanted = self.known.get(id(weight), (None, None))
        if ref is None or ref() is not weight:
            now = weight.detach()
            fitting = (w for w, layers in self.read if pretrained.is_one_of(now, layers))
            wanted = next(fitting, None) or pretrained.cached_weights(model, now)
            self.known[id(weight)] = weakref.ref(weight), wanted
        return wanted


def _first_layer(module: nn.Module) -> nn.Conv2d | None:
    """The layer of a network that takes pictures with three channels, unless it is compiled."""
    for inner in module.modules():
        if isinstance(inner, torch.jit.ScriptModule) or hasattr(inner, "_orig_mod"):
            return None  # a hook would have it compiled twice
        if inner._compiled_call_impl is not None:
            return None
        if isinstance(inner, nn.Conv2d) and inner.in_channels == 3 and inner.groups == 1:
            return inner
    return None
