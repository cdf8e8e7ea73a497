"""What a program keeps of its models and takes up again: A101 of whole models, A103, A105."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks.batches import is_dense
from lamplighter.checks.structure import looks_untrained
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.likeness import some_of
from lamplighter.watch.source.bests import keepers_of, kept_as_best
from lamplighter.watch.source.place import Place, frames, here, locals_of
from lamplighter.watch.source.sight import things_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.world import World

FEWEST = 4  # steps before anything can be the best
MOST = 16  # saved states that are remembered, the newest


@dataclass(eq=False, slots=True)
class Saved:
    """A model's state that was saved, and how it had been trained.

    Args:
        values: a few of each weight.
        settings: what the groups of its optimizer are called, which tells its kind.
        rates: the rate that each group began with.
        with_optimizer: whether the optimizer's state lies in the same file.
        schedules: kinds of schedules that had stepped.
        remembers: whether its optimizer had anything beside its settings, as SGD without momentum
            has not.
        read: where a file with these weights and an optimizer's state was read.
    """

    values: dict[str, torch.Tensor]
    settings: frozenset[str]
    rates: list[float]
    with_optimizer: bool
    schedules: frozenset[type] = frozenset()
    remembers: bool = True
    read: Place | None = None


@dataclass(eq=False, slots=True)
class Loaded:
    """A model into which a state was loaded."""

    model: weakref.ref[nn.Module]
    place: Place | None
    keys: set[str]


class Artifacts(Watcher):
    """Follows models and their states from training to where they are used again."""

    codes = ("A101", "A103", "A105")

    def __init__(self, world: World) -> None:
        self.world = world
        self.saved_states: list[Saved] = []
        self.schedules: list[weakref.ref[Any]] = []
        self.loaded: list[Loaded] = []
        self.resumed: list[tuple[Loaded, Saved]] = []

    # the best model

    def state_taken(self, module: nn.Module, state: dict[str, Any]) -> None:
        self._look_around()

    def mode_set(self, module: nn.Module, training: bool) -> None:
        if self.world.steps:
            self._look_around()

    def _look_around(self) -> None:
        for frame in frames():
            self._look_for_alias(frame.f_code.co_filename, frame.f_globals | locals_of(frame))

    def _look_for_alias(self, file: str, space: dict[str, Any]) -> None:
        if self.world.found("A101"):
            return
        for target, source, line in _kept_as_best(file):
            module = named_in(space, source)
            if not isinstance(module, nn.Module) or named_in(space, target) is not module:
                continue
            if target != source and self.world.seen(module).trained:
                self._report_alias(target, source, Place(file, line))

    def _look_into_keepers(self, optimizer: torch.optim.Optimizer) -> None:
        """Objects of the program's own, such as one that stops early, that keep the best model.

        Asked when a step begins: what is moved by it and is kept as the best by then is no copy.
        """
        for thing in {id(t): t for _, t in things_in_sight()}.values():
            for attribute, source, place in keepers_of(thing.__class__):
                kept = getattr(thing, "__dict__", {}).get(attribute)
                if not isinstance(kept, nn.Module) or not self.world.seen(kept).trained:
                    continue
                if self.world.moves(optimizer, kept) and not self.world.found("A101"):
                    self._report_alias(f"self.{attribute}", source, place)

    def _report_alias(self, target: str, source: str, place: Place) -> None:
        self.world.report(
            "A101",
            "error",
            f"`{target}`",
            f"it is `{source}` itself and no copy: it goes on training, and what is kept as the best "
            "is the last",
            f"keep a copy: {target} = copy.deepcopy({source})",
            place,
        )

    # resuming

    def schedule_made(self, schedule: Any) -> None:
        self.schedules = [ref for ref in self.schedules if ref() is not None]
        self.schedules.append(weakref.ref(schedule))

    def saved(self, thing: Any) -> None:
        if not isinstance(thing, dict):
            return
        with_optimizer = any(True for _ in _optimizers_in(thing))
        to_go_on = with_optimizer or _tells_of_rates(thing)
        for record in self.world.optimizers.values():
            optimizer = record.ref()
            if optimizer is None or not record.steps or not (optimizer.state or to_go_on):
                continue
            mine = {p.data_ptr() for p in record.parameters()}
            groups = optimizer.param_groups
            for state in _states_in(thing):
                values = _sample(state)
                if any(state[name].data_ptr() in mine for name in values):
                    moved = frozenset(type(s) for s in self._of(optimizer) if s.last_epoch > 0)
                    one = self._keep(values, groups, with_optimizer, moved)
                    one.remembers = bool(optimizer.state)

    def file_loaded(self, path: str, thing: Any) -> None:
        """A file of an earlier run, if it holds a state of an optimizer."""
        if not isinstance(thing, dict):
            return
        for groups in _optimizers_in(thing):
            for state in _states_in(thing):
                values = _sample(state)
                known = [s for s in self.saved_states if _are_alike(values, s.values)]
                if values and not known:
                    known = [self._keep(values, groups, True, frozenset())]
                for saved in known:
                    saved.read = here()

    def _keep(
        self,
        values: dict[str, torch.Tensor],
        groups: list[dict[str, Any]],
        with_optimizer: bool,
        schedules: frozenset[type],
    ) -> Saved:
        one = Saved(values, _settings(groups), _rates(groups), with_optimizer, schedules)
        self.saved_states = [*self.saved_states[1 - MOST :], one]
        return one

    def _of(self, optimizer: torch.optim.Optimizer) -> list[Any]:
        """The schedules that set the rate of an optimizer."""
        live = [schedule for ref in self.schedules if (schedule := ref()) is not None]
        return [s for s in live if getattr(s, "optimizer", None) is optimizer]

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        one = Loaded(weakref.ref(module), here(), {str(key) for key in state})
        # a target network takes a state again and again
        known = [(o, o.model()) for o in self.loaded]
        before = [o for o, m in known if m is not None and (m is not module or o.keys != one.keys)]
        self.loaded = [*before, one]
        now = _sample(module.state_dict()) if self.saved_states else {}
        for saved in self.saved_states:
            if _are_alike(saved.values, now):
                self.resumed = [(one, saved)]

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        steps = self.world.steps
        if steps >= FEWEST and steps & (steps - 1) == 0:
            self._look_around()
            self._look_into_keepers(optimizer)
        if not self.resumed:
            return
        waiting, self.resumed = self.resumed, []
        for one, saved in waiting:
            module, groups = one.model(), optimizer.param_groups
            mine = {id(p) for g in groups for p in g["params"]}
            if module is None or not any(id(p) in mine for p in module.parameters()):
                continue
            if _settings(groups) != saved.settings or _rates(groups) != saved.rates:
                continue
            if not optimizer.state and saved.remembers:
                self._report_resumed(type(optimizer).__name__, saved, saved.read or one.place)
                continue
            anew = [s for s in self._of(optimizer) if type(s) in saved.schedules]
            if not saved.remembers:
                anew = [s for s in anew if not _goes_on(s, groups)]
            is_new = not self.world.owner_record(optimizer).steps
            if is_new and anew and not any(s.last_epoch > 0 for s in anew):
                self._report_schedule(type(anew[0]).__name__, saved, one.place)

    def _report_resumed(self, kind: str, saved: Saved, place: Place | None) -> None:
        why = "lie in the file and were not loaded" if saved.with_optimizer else "were not saved"
        fix = (
            "save optimizer.state_dict() beside the model's, and the schedule's, and load them too"
        )
        if saved.with_optimizer:
            fix = "call optimizer.load_state_dict(…) with what was saved, before the first step"
        self.world.report(
            "A105",
            "warning",
            f"`{kind}`",
            f"training goes on from saved weights with an empty {kind} of the same settings: its "
            f"running averages {why}, so the first steps go another way",
            fix,
            place,
        )

    def _report_schedule(self, kind: str, saved: Saved, place: Place | None) -> None:
        weights = "saved weights and a loaded optimizer" if saved.remembers else "saved weights"
        self.world.report(
            "A105",
            "warning",
            f"`{kind}`",
            f"training goes on from {weights}, and its {kind} begins anew: the learning rate takes "
            "another course than without the break",
            "save scheduler.state_dict() too, and load it after building the schedule",
            place,
        )

    # half a model

    def ended(self) -> None:
        self._best_of_the_script()
        for model, module in self.world.networks():
            if model.calls and not model.trained:
                self._half_loaded(module, model.name)

    def _best_of_the_script(self) -> None:
        script = sys.modules.get("__main__")
        file = getattr(script, "__file__", None)
        if isinstance(file, str):
            self._look_for_alias(file, vars(script))

    def _half_loaded(self, module: nn.Module, name: str) -> None:
        inside = {id(m) for m in module.modules()}
        parts = [(one, m) for one in self.loaded if (m := one.model()) and id(m) in inside]
        known = {id(p) for one, m in parts for key, p in m.named_parameters() if key in one.keys}
        rest = {n: p for n, p in module.named_parameters() if id(p) not in known}
        weights = {n: p for n, p in rest.items() if p.dim() > 1}
        if not known or not weights or not all(looks_untrained(p) for p in weights.values()):
            return
        count = len(known) + len(rest)
        self.world.report(
            "A103",
            "error",
            f"`{name}`",
            f"it answers with {len(known)} of its {count} tensors loaded; {next(iter(weights))} and "
            "the others hold the random values that they were made with, and nothing trained them",
            "save and load the whole model: torch.save(model.state_dict(), file)",
            parts[0][0].place,
        )


@cache
def _kept_as_best(file: str) -> list[tuple[str, str, int]]:
    return list(kept_as_best(file))


def named_in(space: dict[str, Any], name: str) -> Any:
    """What a name such as `self.best` stands for; nothing of the program's own is run for it."""
    first, *rest = name.split(".")
    thing = space.get(first)
    for part in rest:
        own = getattr(thing, "__dict__", {})
        thing = own.get(part, own.get("_modules", {}).get(part))
    return thing


def _optimizers_in(thing: dict[Any, Any]) -> Iterator[list[dict[str, Any]]]:
    """The parameter groups of each state of an optimizer that has stepped."""
    if thing.get("param_groups") and thing.get("state"):
        yield thing["param_groups"]
    for value in thing.values():
        if isinstance(value, dict):
            yield from _optimizers_in(value)


def _goes_on(schedule: Any, groups: list[dict[str, Any]]) -> bool:
    """Whether a new schedule takes the course of the old one, because the rates were loaded.

    One that always multiplies by the same number needs to know nothing but the rates.
    """
    same = type(schedule) is torch.optim.lr_scheduler.ExponentialLR
    return same and any(group["lr"] != group.get("initial_lr") for group in groups)


def _tells_of_rates(thing: dict[Any, Any]) -> bool:
    """Whether the state of a schedule or an optimizer, be it empty, is in what is saved.

    Who saves it means to go on from there. Weights alone are as often the beginning of something
    else, as are the best ones and those of a first task.
    """
    if thing.get("param_groups") or {"last_epoch", "_step_count"} <= thing.keys():
        return True
    return any(_tells_of_rates(value) for value in thing.values() if isinstance(value, dict))


def _are_alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    same = one.keys() == other.keys()
    return same and all(torch.equal(value, other[name]) for name, value in one.items())


def _settings(groups: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(groups[0]) - {"params", "initial_lr"}


def _rates(groups: list[dict[str, Any]]) -> list[float]:
    """The rates before any schedule changed them."""
    return [float(group.get("initial_lr", group["lr"])) for group in groups]


def _states_in(thing: dict[Any, Any]) -> Iterator[dict[str, torch.Tensor]]:
    tensors = {str(k): v for k, v in thing.items() if isinstance(v, torch.Tensor)}
    if tensors:
        yield tensors
    for value in thing.values():
        if isinstance(value, dict) and "param_groups" not in value:
            yield from _states_in(value)


def _sample(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {
        name: some_of(value).float().cpu()
        for name, value in state.items()
        if isinstance(value, torch.Tensor) and value.dim() > 1 and is_dense(value)
    }
