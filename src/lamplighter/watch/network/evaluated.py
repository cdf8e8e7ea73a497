"""Networks that are evaluated and were never trained themselves, such as averages: M113."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from lamplighter.watch.events import Watcher
from lamplighter.watch.network.likeness import shapes_of
from lamplighter.watch.network.norms import norms_of
from lamplighter.watch.source.arguments import line_of_averaging
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

ENOUGH = 20  # steps of the program before an evaluation counts


class EvaluatedNorms(Watcher):
    """Compares what a BatchNorm has learned with what it normalises by."""

    codes = ("M113",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looked: dict[int, int] = {}
        self.refreshed: set[int] = set()
        self.found: dict[int, tuple[nn.Module, str, int, str, Place | None]] = {}

    def mode_set(self, module: nn.Module, training: bool) -> None:
        if training and isinstance(module, AveragedModel):
            self.refreshed.add(id(module))  # update_bn walks over the data in training mode

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if module.training or self.world.steps < ENOUGH:
            return
        # once in every so many steps: an average may be brought up to date at its end
        if self.world.steps < self.looked.get(id(module), 0) or id(module) in self.found:
            return
        self.looked[id(module)] = self.world.steps + ENOUGH
        norms = norms_of(module)
        if not norms or any(norm.training for _, norm in norms):
            return
        fresh = [(n, norm) for n, norm in norms if _has_learned_and_knows_nothing(norm)]
        if fresh:
            name = fresh[0][0]
            what = "its weights have moved, and its running statistics are still 0 and 1"
            self.found[id(module)] = (module, name, len(fresh), what, self._place(module))
        elif isinstance(module, AveragedModel) and self._is_behind(module, norms):
            what = "its weights are an average, and its running statistics are an old copy"
            self.found[id(module)] = (module, norms[0][0], len(norms), what, self._place(module))

    def _place(self, module: nn.Module) -> Place | None:
        """Where its weights are averaged, or set to evaluation, or else where it is called."""
        own = self.world.seen(module).mode_place
        files = [place.file for place in (own, here()) if place is not None]
        return line_of_averaging(files) or own or here()

    def _is_behind(
        self, module: AveragedModel, norms: list[tuple[str, nn.modules.batchnorm._BatchNorm]]
    ) -> bool:
        """Whether it averages weights alone and nobody has run `update_bn` or copied buffers."""
        if module.use_buffers or id(module) in self.refreshed or int(module.n_averaged) < 2:
            return False
        mine = shapes_of(module.module)
        for model, other in self.world.networks():
            if not model.trained or other is module.module:
                continue
            if shapes_of(other) != mine:
                continue
            theirs = norms_of(other)
            counts = zip(norms, theirs, strict=False)
            return all(_count(one) < _count(two) for (_, one), (_, two) in counts)
        return False

    def ended(self) -> None:
        if self.world.found("M113"):
            return
        for module, name, count, what, place in self.found.values():
            norm = module.get_submodule(name)
            mended = isinstance(norm, nn.modules.batchnorm._BatchNorm) and _count(norm) > 0
            if id(module) in self.refreshed or (mended and not isinstance(module, AveragedModel)):
                continue
            more = f" and {count - 1} more" if count > 1 else ""
            self.world.report(
                "M113",
                "error" if not mended else "warning",
                name + more,
                f"{what}: at evaluation it does not normalise what it learned to",
                "copy the buffers with the weights, for example with zip(ema.buffers(), "
                "model.buffers()), or call torch.optim.swa_utils.update_bn",
                place,
            )


def _has_learned_and_knows_nothing(norm: nn.modules.batchnorm._BatchNorm) -> bool:
    """Whether its weights and biases have moved while mean and variance are as they were made."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None or not norm.affine or _count(norm):
        return False
    with torch.no_grad():
        moved = bool(norm.bias.any()) and len(torch.unique(norm.weight)) > 1
        return moved and not bool(mean.any()) and bool((variance == 1).all())


def _count(norm: nn.modules.batchnorm._BatchNorm) -> int:
    return int(norm.num_batches_tracked) if norm.num_batches_tracked is not None else 0
