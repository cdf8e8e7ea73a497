"""The first real steps, for trainings that no copy can repeat: I101, M107, M108, M117, O103, O104, O106."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from lamplighter.checks import gradients, initialise, structure
from lamplighter.checks import optimizer as movement
from lamplighter.checks.finding import Finding
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.models import line_of_layer
from lamplighter.watch.source.pinpoint import filled_at, place_of
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import line_of_backward_value

if TYPE_CHECKING:
    from lamplighter.watch.world import SeenModel, World

LOOKS = 8  # steps of each optimizer that are looked at
ENOUGH = 20  # steps after which what never happened is no matter of patience
LARGEST = 2**24  # numbers of weights that are kept for comparison
DECOUPLED = ("AdamW", "NAdam", "Lion")
AMONG_PROBES = (
    *("M107", "M108", "M114", "M117", "I101", "O103", "O104", "O106"),
    *("L108", "P101", "P103", "R102", "R107"),
)


@dataclass(eq=False, slots=True)
class Follow:
    """What the first steps of one optimizer showed.

    Args:
        held: its parameters that can learn.
        looks: steps that were looked at.
        norms: parameter's id → norm of its gradient at each look, None without one.
        before: parameter's id → a copy from before the first step.
        first: whether the first step is going on.
        moves: weight → norm of its first update; `sizes`: its norm before.
        losses: what was sent back for each look.
        later: copies from before the last look's step, while that goes on.
    """

    held: list[torch.Tensor]
    looks: int = 0
    norms: dict[int, list[float | None]] = field(default_factory=dict)
    before: dict[int, torch.Tensor] = field(default_factory=dict)
    first: bool = True
    moves: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    later: dict[int, torch.Tensor] = field(default_factory=dict)


class RealSteps(Watcher):
    """Looks at gradients and weights of the program itself; nothing is run again."""

    codes = ("I101", "M107", "M108", "M117", "O103", "O104", "O106")

    def __init__(self, world: World) -> None:
        self.world = world
        self.follows: dict[int, Follow] = {}
        self.divided = False
        self.loss = 0.0
        self.sent: Place | None = None

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self.follows.pop(id(optimizer), None)

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        if any(follow.looks < LOOKS for follow in self.follows.values()) or not self.follows:
            self.loss = float(roots[0].detach()) if roots[0].numel() == 1 else 0.0
            self.sent = here()

    def unscaled(self, optimizer: torch.optim.Optimizer) -> None:
        self.divided = True

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        follow = self.follows.get(id(optimizer))
        if follow is None:
            held = [p for g in optimizer.param_groups for p in g["params"] if p.requires_grad]
            follow = self.follows[id(optimizer)] = Follow(held)
            if sum(p.numel() for p in held) <= LARGEST and not closure:
                follow.before = {id(p): p.detach().clone() for p in held if p.dim() > 1}
        if closure or follow.looks >= LOOKS:
            return
        follow.looks += 1
        follow.losses.append(self.loss)
        if follow.looks == LOOKS - 2:
            self._look_at_first_move(optimizer, follow)
        for parameter in follow.held:
            gradient = parameter.grad
            norm = None if gradient is None or gradient.is_sparse else _norm(gradient)
            follow.norms.setdefault(id(parameter), []).append(norm)
        if follow.first and follow.before:
            self._look_at_decay(optimizer, follow)
        if follow.looks == LOOKS and follow.before:
            follow.later = {id(p): p.detach().clone() for p in follow.held if p.dim() > 1}

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        follow = self.follows.get(id(optimizer))
        if follow is None:
            return
        if follow.first:
            follow.first = False
            follow.moves, follow.sizes = self._moves(follow, follow.before)
        elif follow.later:
            # a warm-up begins low, whatever it leads to; by now the weights may have grown with it
            moves, _ = self._moves(follow, follow.later)
            follow.later = {}
            found = movement.learning_rate_too_high(
                moves, follow.sizes, course=follow.losses, which=f"the {LOOKS}th"
            )
            self._tell_optimizer(optimizer, found)

    def _moves(
        self, follow: Follow, before: dict[int, torch.Tensor]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """How far a step has moved each weight that had a gradient, and the size that it had."""
        names = self._names(follow) if before else {}
        moves, sizes = {}, {}
        for parameter in follow.held:
            old = before.get(id(parameter))
            if old is not None and parameter.grad is not None and not parameter.grad.is_sparse:
                name = names.get(id(parameter), ("a weight", None))[0]
                moves[name] = _norm(parameter.detach() - old)
                sizes[name] = movement.size_of(old)
        return moves, sizes

    def _look_at_first_move(self, optimizer: torch.optim.Optimizer, follow: Follow) -> None:
        found = movement.learning_rate_too_high(follow.moves, follow.sizes, course=follow.losses)
        self._tell_optimizer(optimizer, found)

    def _look_at_decay(self, optimizer: torch.optim.Optimizer, follow: Follow) -> None:
        if self.divided:
            return  # gradients of the scaled loss may not have been divided yet
        pushes = {key: norms[0] or 0.0 for key, norms in follow.norms.items()}
        sizes = {id(p): _norm(p) for p in follow.held}
        found = movement.weight_decay_swamps(
            [optimizer], pushes, sizes, decoupled=type(optimizer).__name__ in DECOUPLED
        )
        self._tell_optimizer(optimizer, found)

    def _tell_optimizer(self, optimizer: torch.optim.Optimizer, found: Iterator[Finding]) -> None:
        self.world.adopt_new(found, self.world.owner_record(optimizer).place)

    # once all is over

    def ended(self) -> None:
        for key, follow in self.follows.items():
            record = self.world.optimizers.get(key)
            optimizer = record.ref() if record is not None else None
            if record is None or optimizer is None or follow.looks < 3:
                continue
            names = self._names(follow)
            for model, module in self._models_of(follow):
                own = {i: n for i, (n, m) in names.items() if m is model}
                found = [*self._in_gradients(follow, module, own, record.steps, optimizer)]
                found += self._in_units(follow, module, own)
                for finding in found:
                    if not any(self.world.found(code) for code in AMONG_PROBES):
                        self.world.adopt([finding], self._line(finding, module, model.place))
            if record.steps >= ENOUGH:
                self._look_at_way(optimizer, follow, record.steps, record.place)

    def _line(self, finding: Finding, module: nn.Module, place: Place | None) -> Place | None:
        if finding.code == "M107" and self._is_lost_whole(module):
            return place
        if finding.code == "M108" and not self._anything_moves():
            return line_of_backward_value(self.sent)
        trial = self.world.trial
        if trial is not None and trial.model is module:
            return place_of(finding, trial, self.world.origins)
        if finding.code in ("I101", "M108"):
            filled = filled_at(finding, module, self.world.origins)
            if filled is not None:
                return filled
        if finding.code == "M107":
            owner = finding.where.split(", ")[0].split(" and ")[0].rpartition(".")[0]
            dark = self.world.noted.get(id(module.get_submodule(owner)))
            if dark is not None:
                return dark
        return line_of_layer(module, finding.where, self.world.origins) or place

    def _anything_moves(self) -> bool:
        """Whether any gradient was not 0: else it is the loss that stands still."""
        return any(x for f in self.follows.values() for norms in f.norms.values() for x in norms)

    def _is_lost_whole(self, module: nn.Module) -> bool:
        """Whether no weight of a network has had a gradient: then its answer is what got lost."""
        mine = [f.norms.get(id(p)) for f in self.follows.values() for p in module.parameters()]
        known = [history for history in mine if history is not None]
        return bool(known) and all(x is None for history in known for x in history)

    def _in_gradients(
        self,
        follow: Follow,
        module: nn.Module,
        names: dict[int, str],
        steps: int,
        optimizer: torch.optim.Optimizer,
    ) -> Iterator[Finding]:
        """Weights that no gradient, or none but 0, has ever reached."""
        histories = {names[i]: norms for i, norms in follow.norms.items() if i in names}
        lost = gradients.without_gradient(histories) if steps >= ENOUGH else []
        held = {id(p): p for p in follow.held}
        alive = {n for i, n in names.items() if i in held and _was_fed(held[i], optimizer)}
        lost = [name for name in lost if name not in alive]
        others = any(x is not None for norms in follow.norms.values() for x in norms)
        if lost and others:
            yield from self._lost(lost, module)
        weights = {names[id(p)] for p in follow.held if p.dim() > 1 and id(p) in names}
        still = {
            n: norms
            for n, norms in histories.items()
            if n not in weights or not _has_moved(module, n, follow)
        }
        if len(next(iter(histories.values()), ())) >= LOOKS:
            moving = {n: still.get(n, [1.0]) for n in histories}
            yield from gradients.gradient_is_zero(
                moving, dead=(), losses=[1.0] * LOOKS, weights=weights
            )

    def _lost(self, names: list[str], module: nn.Module) -> Iterator[Finding]:
        """Layers that were never called, or called and not reached by any gradient."""
        owners = {name: module.get_submodule(name.rpartition(".")[0]) for name in names}
        noted = self.world.noted
        called = [n for n in names if owners[n] is module or id(owners[n]) in noted]
        dark = {n: noted.get(id(owners[n])) is not None for n in called}
        layers = {n.rpartition(".")[0] for n in called}
        yield from gradients.graph_cut(called, influence=dark, owners_called=layers)
        idle = dict.fromkeys(n.rpartition(".")[0] for n in names if n not in called)
        yield from gradients.never_called(list(idle))

    def _in_units(
        self, follow: Follow, module: nn.Module, names: dict[int, str]
    ) -> Iterator[Finding]:
        last = structure.output_layer(module)
        modules = dict(module.named_modules())
        for parameter in follow.held:
            name = names.get(id(parameter), "")
            owner = name.rpartition(".")[0]
            layer = modules.get(owner)
            before = follow.before.get(id(parameter))
            if before is None or owner == last != "" or "norm" in name:
                continue
            if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
                continue
            if isinstance(layer, nn.Module) and getattr(layer, "groups", 1) == 1:
                for finding in initialise.units_all_alike(name, before, parameter.detach()):
                    if finding.level == "error":
                        yield finding

    def _look_at_way(
        self,
        optimizer: torch.optim.Optimizer,
        follow: Follow,
        steps: int,
        place: Place | None,
    ) -> None:
        """How far all steps together have led."""
        rates = [float(group["lr"]) for group in optimizer.param_groups if "lr" in group]
        if any(self.world.found(code) for code in AMONG_PROBES):
            return
        pushed = any(norm for norms in follow.norms.values() for norm in norms)
        if not pushed or not follow.before or not rates or max(rates) == 0:
            return
        if self.world.found("O107"):
            return
        ways = [self._way_of(group["params"], follow) for group in optimizer.param_groups]
        known = [way for way in ways if way is not None]
        if known and max(known) < movement.TOO_NEAR:
            self.world.adopt(movement.learning_rate_too_low(max(known), steps, rates), place)
            return
        for number, (group, way) in enumerate(zip(optimizer.param_groups, ways, strict=True)):
            rate = float(group.get("lr", 0.0))
            if way is not None and rate:
                found = movement.group_hardly_moves(number, way, steps, rate, max(rates))
                self.world.adopt(found, place)

    def _way_of(self, parameters: list[torch.Tensor], follow: Follow) -> float | None:
        """How far the farthest of some weights has come, relative to its size; None: none is known."""
        farthest = None
        for parameter in parameters:
            old = follow.before.get(id(parameter))
            pushed = any(follow.norms.get(id(parameter), ()))
            if old is not None and old.shape == parameter.shape and pushed:
                size = _norm(old)
                moved = _norm(parameter.detach() - old)
                farthest = max(farthest or 0.0, moved / size if size else float(moved > 0))
        return farthest

    def _models_of(self, follow: Follow) -> list[tuple[SeenModel, nn.Module]]:
        """The called networks with a parameter of this optimizer, each weight to the outermost."""
        networks = self.world.networks({id(p) for p in follow.held})
        return [(model, module) for model, module in networks if model.calls and model.trained]

    def _names(self, follow: Follow) -> dict[int, tuple[str, SeenModel]]:
        named: dict[int, tuple[str, SeenModel]] = {}
        several = self._models_of(follow)
        # a network before its own parts
        for model, module in sorted(several, key=lambda p: -sum(1 for _ in p[1].modules())):
            for name, parameter in module.named_parameters():
                named.setdefault(id(parameter), (name, model))
        return named


def _norm(tensor: torch.Tensor) -> float:
    return float(tensor.detach().float().norm())


def _was_fed(parameter: torch.Tensor, optimizer: torch.optim.Optimizer) -> bool:
    """Whether there is a sign of a gradient, which may have come while nobody looked."""
    return parameter.grad is not None or bool(optimizer.state.get(parameter))


def _has_moved(module: nn.Module, name: str, follow: Follow) -> bool:
    """Whether a gradient that was looked at as 0 has moved the weight later."""
    parameter = module.get_parameter(name)
    old = follow.before.get(id(parameter))
    return old is not None and not torch.equal(old, parameter.detach())
