"""The networks against their optimizers, once training runs: M101–M103, M110, M113, O101, O102, O105."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks import optimizer as ownership
from lamplighter.checks import structure
from lamplighter.checks.finding import Finding
from lamplighter.watch.events import Watcher
from lamplighter.watch.loop.gradients import Mark, mark_of
from lamplighter.watch.source.place import (
    Place,
    line_of_attribute,
    line_of_class,
    line_that_freezes,
)

if TYPE_CHECKING:
    from lamplighter.watch.network.origins import Origins
    from lamplighter.watch.world import SeenModel, SeenOptimizer, World


LONG = 20  # steps after which a network that gets gradients would have been given an optimizer
ENOUGH = 3  # steps after which a network without an optimizer is no matter of order
TURNS = 16  # steps at the beginning that tell whether two optimizers share gradients


class Models(Watcher):
    """Looks at each model that is trained: at its first step, and when all is over."""

    codes = ("M101", "M102", "M103", "M110", "M113", "O101", "O102", "O105")

    def __init__(self, world: World) -> None:
        self.world = world
        self.looked: set[SeenModel] = set()
        self.with_gradient: dict[SeenModel, set[int]] = {}
        self.learning: set[int] = set()
        self.frozen: set[int] = set()  # parameters that did not ask for gradients at first
        self.steps = 0
        self.spans: dict[int, tuple[int, int]] = {}  # of each optimizer, its first and last step
        self.used: dict[int, dict[int, Mark]] = {}  # of each, the gradients of its newest step
        # pairs that share weights → whether one has stepped with the gradients of the other
        self.alike: dict[frozenset[int], bool] = {}

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        self.steps += 1
        first = self.spans.get(id(optimizer), (self.steps, 0))[0]
        self.spans[id(optimizer)] = (first, self.steps)
        if self.steps <= TURNS and len(self.world.optimizers) > 1:
            self._note_gradients(optimizer)
        if self.steps & (self.steps - 1) and self.steps != 3:
            return
        # Gradients are only there now: a later look finds them cleared.
        for model, module in self.world.networks():
            norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
            self.learning.update(id(m) for m in norms if m.training and m.momentum != 0)
            if model not in self.with_gradient:
                self.frozen |= {id(p) for p in module.parameters() if not p.requires_grad}
            live = self.with_gradient.setdefault(model, set())
            live.update(id(p) for p in module.parameters() if p.grad is not None)
            live.update(
                id(p)
                for _, member in structure.hidden_members(module)
                for p in (member.parameters() if isinstance(member, nn.Module) else [member])
                if p.grad is not None
            )

        self._look_early(optimizer)

    def _note_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        """Whether what it shares with others has still the gradients that those had stepped with."""
        own = self.world.owner_record(optimizer).parameters()
        for key, before in self.used.items():
            shared = [p for p in own if id(p) in before] if key != id(optimizer) else []
            if shared:
                pair = frozenset((key, id(optimizer)))
                again = any(p.grad is not None and before[id(p)].is_still(p) for p in shared)
                self.alike[pair] = self.alike.get(pair, False) or again
        self.used[id(optimizer)] = {id(p): mark_of(p) for p in own}

    def _look_early(self, optimizer: torch.optim.Optimizer) -> None:
        """What is plain before the first step, once for each model that it moves."""
        mine = {id(p) for g in optimizer.param_groups for p in g["params"]}
        everybody = [o for r in self.world.optimizers.values() if (o := r.ref()) is not None]
        held = ownership.owned(everybody)
        for model, module in self.world.networks(mine):
            if model not in self.looked:
                self.looked.add(model)
                self._structure(model, module, held, self.with_gradient.get(model, set()))

    def ended(self) -> None:
        stepping = [o for o in self.world.optimizers.values() if o.steps and o.ref() is not None]
        optimizers = [o for record in stepping if (o := record.ref()) is not None]
        held = ownership.owned(optimizers)
        for model, module in self.world.networks():
            live = self.with_gradient.get(model, set()) | self._set_free(module)
            if model.trained:
                # what nobody holds nobody clears: set free late, it still has its gradient
                live = live | {id(p) for p in module.parameters() if p.grad is not None}
                self._structure(model, module, held, live)
                self._ownership(module, stepping, live)
            elif live and self.steps >= ENOUGH:
                self._other_network(module, stepping)
                self._unowned_network(model, module, stepping)

    def _set_free(self, module: nn.Module) -> set[int]:
        """Weights that were frozen at first and have a gradient in the end, between two looks maybe."""
        several = [p for p in module.parameters() if id(p) in self.frozen and p.requires_grad]
        return {id(p) for p in several if p.grad is not None and bool(p.grad.any())}

    def _structure(
        self, model: SeenModel, module: nn.Module, held: set[int], live: set[int]
    ) -> None:
        self._tell(module, structure.layers_not_registered(module, held=held, live=live))
        self._tell(module, structure.tensors_as_weights(module, held=held))
        self._tell(module, structure.layers_repeated(module))
        # A part may be frozen as a whole: after it has learned, or below a head that learns.
        others = bool(live) or self._somebody_learns()
        made = self.world.origins.is_as_filled
        for finding in structure.output_frozen(module, others_learn=others, as_filled=made):
            frozen = line_that_freezes([model.place, *self._built(module)])
            layer = line_of_layer(module, finding.where, self.world.origins)
            self.world.adopt([finding], frozen or layer)
        found = structure.statistics_never_learned(module, trained=self.world.steps >= LONG)
        norms = ((f, module.get_submodule(f.where)) for f in found)
        self._tell(module, (f for f, norm in norms if self._was_to_learn(norm, module)))

    def _tell(self, module: nn.Module, found: Iterable[Finding]) -> None:
        """Each at the line that makes its layer."""
        for finding in found:
            line = line_of_layer(module, finding.where, self.world.origins)
            self.world.adopt([finding], line)

    def _was_to_learn(self, norm: nn.Module, module: nn.Module) -> bool:
        """Whether a norm was in training mode, or has a momentum that lets it learn nothing.

        One that its network leaves out, while others are called, normalises nothing either way.
        """
        called = self.world.noted
        if id(norm) not in called and any(id(part) in called for part in module.modules()):
            return False
        return id(norm) in self.learning or getattr(norm, "momentum", None) == 0.0

    def _somebody_learns(self) -> bool:
        records = self.world.optimizers.values()
        return any(p.requires_grad for record in records for p in record.parameters())

    def _built(self, module: nn.Module) -> list[Place | None]:
        mine = {id(p) for p in module.parameters()}
        records = self.world.optimizers.values()
        return [r.place for r in records if any(id(p) in mine for p in r.parameters())]

    def _ownership(self, module: nn.Module, stepping: list[SeenOptimizer], live: set[int]) -> None:
        optimizers = [o for record in stepping if (o := record.ref()) is not None]
        others = [network for _, network in self.world.networks()]
        mine = {id(p) for p in module.parameters()}
        owners = [r for r in stepping if any(id(p) in mine for p in r.parameters())]
        # the newest that steps: an earlier one may have done its part before a layer was replaced
        newest = max(owners, key=lambda r: self.spans.get(id(r.ref()), (0, 0))[1], default=None)
        place = newest.place if newest else None
        strangers = list(
            ownership.foreign_parameters(
                module, [o for r in owners if (o := r.ref())], others=others
            )
        )
        held = ownership.owned(optimizers)
        missing = {n: p for n, p in module.named_parameters() if id(p) in live - held}
        if missing:
            # what is set free later is meant to learn, whoever has trained it before
            random = {
                n for n, p in missing.items() if self._is_untrained(p) or id(p) in self.frozen
            }
            found = ownership.parameters_without_optimizer(module, optimizers, random=random)
            self.world.adopt(found, place)
            self.world.adopt(strangers, place)
        names = {id(p): n for n, p in module.named_parameters()}
        holders = [o for r in owners if (o := r.ref()) is not None]
        together = [o for o in holders if any(self._overlap(o, p) for p in holders)]
        self.world.adopt(ownership.two_owners(together, names), self._second_owner(owners))

    def _overlap(self, one: torch.optim.Optimizer, other: torch.optim.Optimizer) -> bool:
        """Whether two optimizers step by turns, and not one after the other has done its part.

        Each with a loss of its own does no harm: an encoder first learns to restore its inputs, and
        then to deceive a critic.
        """
        if one is other or not self.alike.get(frozenset((id(one), id(other))), True):
            return False
        seldom_seen = (0, self.steps)
        first, last = self.spans.get(id(one), seldom_seen)
        begin, end = self.spans.get(id(other), seldom_seen)
        return first <= end and begin <= last

    def _second_owner(self, owners: list[SeenOptimizer]) -> Place | None:
        """Where the optimizer was built that takes what another one has already."""
        taken: set[int] = set()
        for record in owners:
            own = [id(p) for p in record.parameters()]
            if taken & set(own) or len(set(own)) < len(own):
                return record.place
            taken |= set(own)
        return owners[0].place if owners else None

    def _unowned_network(
        self, model: SeenModel, module: nn.Module, stepping: list[SeenOptimizer]
    ) -> None:
        """O101: gradients arrive at a network that nobody has trained, and no optimizer holds it."""
        everybody = [o for r in self.world.optimizers.values() if (o := r.ref()) is not None]
        held = ownership.owned(everybody)
        weights = [p for p in module.parameters() if p.requires_grad and p.dim() > 1]
        fixed = not module.training or self.steps < LONG or not stepping
        if fixed or not weights or any(id(p) in held for p in module.parameters()):
            return
        # A pretrained network through which gradients only pass is no mistake.
        if all(self._is_untrained(p) for p in weights) and not self.world.found("O102"):
            self.world.report(
                "O101",
                "error",
                f"`{model.name}`",
                f"gradients arrive at its {len(weights)} weights, which still hold the random "
                "values that they were made with, and no optimizer holds them: they never change",
                "give its parameters() to the optimizer as well, or set requires_grad=False",
                stepping[0].place,
            )

    def _is_untrained(self, weight: torch.Tensor) -> bool:
        """Whether a weight has the values that it was made with, whatever its layer draws."""
        return structure.looks_untrained(weight) or self.world.origins.is_as_filled(weight)

    def _other_network(self, module: nn.Module, stepping: list[SeenOptimizer]) -> None:
        """O102: gradients arrive here, and what steps never got any."""
        everything = set().union(*self.with_gradient.values())
        for record in stepping:
            optimizer = record.ref()
            own = {id(p) for p in record.parameters()}
            shapes = sorted(tuple(p.shape) for p in record.parameters())
            alike = shapes == sorted(tuple(p.shape) for p in module.parameters())
            if optimizer is not None and own and not own & everything and alike:
                found = ownership.foreign_parameters(module, [optimizer])
                self.world.adopt(found, record.place)


def line_of_layer(module: nn.Module, where: str, origins: Origins | None = None) -> Place | None:
    """The line that builds the layer a finding names, else the line of its class.

    Args:
        module: the network.
        where: the finding's place, which begins with the layer's dotted name.
        origins: where the program made its layers, which is known best of all.
    """
    first = where.split(" → ")[0].split(" and ")[0].split(", ")[0].split("[")[0]
    owner: Any = module
    *path, attribute = first.split(".")
    for part in path:
        inner = getattr(owner, part, None)
        if not isinstance(inner, nn.Module):
            break
        if line_of_class(type(inner)) is None and line_of_class(type(owner)) is not None:
            attribute = part
            break
        owner = inner
    told = line_of_attribute(type(owner), attribute) or line_of_class(type(owner))
    if told is not None or origins is None:
        return told
    inner = getattr(owner, attribute, None)
    made = origins.birth(inner) if isinstance(inner, nn.Module) else None
    return made or origins.birth(owner) or origins.birth(module)
