"""Targets against the inputs of the same call: Y105, Y106, Y107; and resized masks: Y108."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks import labels as criteria
from lamplighter.checks.batches import Batch
from lamplighter.checks.copying import hangs_on_its_place
from lamplighter.checks.finding import Finding
from lamplighter.checks.guess import answer_in
from lamplighter.checks.resized import classes_out_of_place
from lamplighter.checks.snapshot import copied, probing
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.trial import UNFIT
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 6  # losses that are read closely
LARGEST = 2**28  # weights of a network that is copied to be asked
SURE = 2  # of them must show the same
MOST_MASKS, MOST_PIXELS = 64, 2**20  # resized ones that are kept, and of one
MOST_VALUES = 32  # a mask has few different values, a picture has many


class Targets(Watcher):
    """Reads the tokens that a network is given beside the targets that its loss is given."""

    codes = ("Y105", "Y106", "Y107", "Y108")

    def __init__(self, world: World) -> None:
        self.world = world
        self.tokens: torch.Tensor | None = None
        self.call: tuple[torch.nn.Module, Batch] | None = None
        self.further: list[torch.Tensor] = []  # tokens that a decoder is given
        self.looks = 0
        self.hits = Often(SURE)
        self.masks: list[tuple[torch.Tensor, torch.Tensor, Place | None]] = []
        self.resized: dict[tuple[int, ...], list[tuple[torch.Tensor, Place | None]]] = {}

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        if self.looks >= LOOKS or not torch.is_grad_enabled():
            return
        given = [v for v in (*args, *kwargs.values()) if isinstance(v, torch.Tensor)]
        first = given[0] if given else None
        self.tokens = first if first is not None and _is_text(first) else None
        plain = self.tokens is not None and not (args and kwargs)
        self.call = (module, Batch(tuple(args) or dict(kwargs), None)) if plain else None
        self.further = [tensor for tensor in given[1:] if _is_text(tensor)]

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if self.looks >= LOOKS or name not in ("cross_entropy", "nll_loss"):
            return
        scores, target = given.get("input"), given.get("target")
        if not isinstance(scores, torch.Tensor) or not isinstance(target, torch.Tensor):
            return
        if not scores.requires_grad or target.is_floating_point():
            return
        self.looks += 1
        for finding in self._seen_in(target.detach(), given):
            sure = self.hits.again(finding.code)
            if sure and (finding.code != "Y105" or self._hangs_on_its_place()):
                self.world.adopt_new([finding], here())
        for before, place in self.resized.get(tuple(target.shape[-2:]), []):
            self.world.adopt(criteria.mask_values_new(before, target), place)
        if target.dim() == 3 and not self.world.found("Y108"):
            self._look_for_places(target.detach())

    def mask_resized(self, before: torch.Tensor, after: torch.Tensor) -> None:
        whole = torch.unique(before)
        if len(whole) <= MOST_VALUES and bool((whole == whole.round()).all()):
            sites = self.resized.setdefault(tuple(after.shape[-2:]), [])
            sites.append((whole.detach(), here()))
            if before.numel() <= MOST_PIXELS and len(self.masks) < MOST_MASKS:
                self.masks.append((before.detach(), after.detach(), here()))

    def _look_for_places(self, target: torch.Tensor) -> None:
        """Whether a mask that was resized is one of these targets, with classes out of place."""
        for before, after, place in self.masks:
            shown = after.reshape(-1, *after.shape[-2:]).long()
            if shown.shape[1:] != target.shape[1:] or len(shown) != 1:
                continue
            if bool((target.cpu() == shown.cpu()).flatten(1).all(1).any()):
                told = list(classes_out_of_place(before.reshape(before.shape[-2:]), shown[0]))
                self.world.adopt(told, place)
                if told:
                    return

    def _hangs_on_its_place(self) -> bool:
        """Whether the network can copy what it is asked for, as a copy of it shows where it runs."""
        if self.call is None:
            return True
        module, batch = self.call
        if sum(p.numel() for p in module.parameters()) > LARGEST:
            return True
        try:
            with probing(module), torch.no_grad():
                double = copied(module, module).eval()
                return hangs_on_its_place(lambda given: answer_in(given.into(double)), batch)
        except UNFIT:
            return True

    def _seen_in(self, target: torch.Tensor, given: dict[str, Any]) -> list[Finding]:
        tokens = self.tokens
        if tokens is None:
            return []
        ignore = int(given.get("ignore_index", -100))
        found = list(criteria.target_not_shifted(tokens, target, ignore_index=ignore))
        found += criteria.target_shifted_twice(tokens, target, ignore_index=ignore)
        if given.get("weight") is None and given.get("reduction", "mean") != "none":
            for one in (tokens, *self.further):
                told = criteria.padding_counted(one, target, ignore_index=ignore)
                found += told if not any(f.code == "Y107" for f in found) else ()
        return found


def _is_text(tensor: torch.Tensor) -> bool:
    return tensor.dim() == 2 and tensor.dtype in (torch.int64, torch.int32)
