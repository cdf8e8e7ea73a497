"""The set that the best epoch is chosen on and the final figure comes from: S108."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.score.keeping import decision_at
from lamplighter.watch.source.lineage import names_given
from lamplighter.watch.source.place import Place, frames, function_around, locals_of, statements
from lamplighter.watch.source.roles import is_of_the_test, is_of_validation
from lamplighter.watch.source.values import plain_number

if TYPE_CHECKING:
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST = 64  # evaluations before which the program's figures are noted
ORDER = (ast.Lt, ast.Gt, ast.LtE, ast.GtE)


class Choosing(Watcher):
    """Follows which loader was evaluated last when weights are set aside under a condition.

    Not where the condition asks for a figure that was there before that evaluation began, or that is
    one of the training: then the evaluation is only reported.
    """

    codes = ("S108",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.evaluated: dict[int, tuple[SeenLoader, list[Place]]] = {}
        self.chosen: list[tuple[SeenLoader, Place | None]] = []
        self.by_hand: dict[str, Place] = {}
        self.steps = 0
        self.before: set[float] = set()  # figures that the program had when evaluation began
        self.noted = self.looks = 0

    def pass_starts(self, current: Pass) -> None:
        if self.world.steps != self.steps:
            self.evaluated.clear()
            self.steps = self.world.steps
        self._evaluation_begins()

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        if not torch.is_grad_enabled():
            self._evaluation_begins()

    def _evaluation_begins(self) -> None:
        """Notes the figures that are there at the first look since the last step."""
        if self.world.steps == self.noted or self.looks >= MOST:
            return
        self.noted, self.looks = self.world.steps, self.looks + 1
        self.before = {figure for frame in frames(2) for figure in _figures_in(frame)}

    def pass_ended(self, current: Pass) -> None:
        mine = self.world.walked.get(id(current.loader()))
        if mine is not None and current.is_evaluation() and self.world.steps:
            self.evaluated[id(mine)] = (mine, _stack())

    def state_taken(self, module: torch.nn.Module, state: dict[str, Any]) -> None:
        if not self.evaluated and len(self.by_hand) < 4:
            self._without_a_loader(module)
        if len(self.chosen) >= 4 or len(self.evaluated) != 1 or self.world.steps != self.steps:
            return
        if self._is_chosen_by_another_figure():
            return
        ((mine, stack),) = self.evaluated.values()
        if any(_is_a_choice(place) for place in _stack()):
            files = {(place.file, _function_at(place)) for place in _stack()}
            own = [place for place in stack if (place.file, _function_at(place)) in files]
            self.chosen.append((mine, own[0] if own else None))

    def _is_chosen_by_another_figure(self) -> bool:
        """Whether what is asked for was known before the evaluation, or tells of the training."""
        decision = next((d for frame in frames(3) if (d := decision_at(frame))), None)
        if decision is None or not decision.figure:
            return False
        if self.noted == self.world.steps and decision.figure in self.before:
            return True
        walks = self.world.walks.tells_of(decision.figure) if self.world.walks is not None else []
        return bool(walks) and all(walk.trains for walk in walks)

    def _without_a_loader(self, module: torch.nn.Module) -> None:
        """The same for samples that the program gave by hand since the last step."""
        feeds, steps = self.world.feeds, self.world.steps
        given = [
            one.samples.place
            for one in (feeds.evaluated.values() if feeds is not None and steps else ())
            if one.steps == steps and one.record.module is module
        ]
        if len(given) != 1 or given[0] is None or not any(_is_a_choice(p) for p in _stack()):
            return
        if self._is_chosen_by_another_figure():
            return
        names = names_given(given[0])
        of_the_test = [name for name in names if is_of_the_test(name)]
        if of_the_test and not any(is_of_validation(name) for name in names):
            self.by_hand[of_the_test[0]] = given[0]

    def ended(self) -> None:
        for name, given in self.by_hand.items():
            self._tell(f"`{name}`", given)
            return
        for mine, place in self.chosen:
            if mine.steps or not any(is_of_the_test(name) for name in mine.names):
                continue
            self._tell(mine.name, place or mine.evaluated_at)
            return

    def _tell(self, where: str, place: Place | None) -> None:
        self.world.report(
            "S108",
            "warning",
            where,
            "the best state of the network is chosen by its score, and its name says that it "
            "is the test set: what is reported on it afterwards is the best of several draws",
            "choose on a third split (validation) and evaluate on the test set once",
            place,
        )


def _stack() -> list[Place]:
    return [Place.of(frame) for frame in frames(2)]


def _figures_in(frame: FrameType) -> Iterator[float]:
    """Numbers that a running function holds: by themselves, last in a list, or in a dictionary."""
    spaces = locals_of(frame)
    owner = getattr(spaces.get("self"), "__dict__", {})
    for thing in (*spaces.values(), *owner.values()):
        if isinstance(thing, list):
            thing = thing[-1] if thing else None
        for one in thing.values() if type(thing) is dict and len(thing) <= 32 else (thing,):
            last = one[-1] if isinstance(one, list) and one else one
            if isinstance(last, torch.Tensor) and not last.is_cuda:
                last = plain_number(last)
            if isinstance(last, float):
                yield last


def _is_a_choice(place: Place) -> bool:
    """Whether the line stands under an `if` that asks for more or less."""
    for node in statements(place.file):
        if not isinstance(node, ast.If):
            continue
        if node.body[0].lineno <= place.line <= (node.body[-1].end_lineno or 0):
            asked = [n for n in ast.walk(node.test) if isinstance(n, ast.Compare)]
            if any(isinstance(n.ops[0], ORDER) for n in asked):
                return True
    return False


def _function_at(place: Place) -> int:
    """The first line of the innermost function around a line; 0 for the module."""
    function = function_around(place.file, place.line, place.line)
    return function.lineno if function is not None else 0
