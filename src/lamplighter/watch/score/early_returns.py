"""Evaluations that come to an end after the first batch, and what is told after them: E101."""

from __future__ import annotations

import ast
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch.utils.data import SequentialSampler

from lamplighter.checks.scoring import first_batch_only, one_batch_scored
from lamplighter.watch.data.passes import length_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.measured import FIGURING
from lamplighter.watch.score.nearness import NUMBER, shows
from lamplighter.watch.score.walks import Walks
from lamplighter.watch.source.place import Place, tree_of

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOPS = (ast.For, ast.AsyncFor)
GATHERING = ("append", "extend", "update", "add")
MOST = 64  # walks that are looked back at
SURE = 2  # figures of a first batch
DIGITS = 5  # that they have together


@dataclass(eq=False, slots=True)
class FirstOnly:
    """A loader whose first batch was scored, and the figures that were told of it."""

    loader: weakref.ref[DataLoader[Any]]
    place: Place | None
    figures: list[str] = field(default_factory=list)


class EarlyReturns(Watcher):
    """Looks back at walks that were left after one batch, and at the loop that they were left from."""

    codes = ("E101",)
    operations = FIGURING

    def __init__(self, world: World) -> None:
        self.world = world
        self.walks: list[Pass] = []
        self.scores = Walks(world)
        self.newest: Pass | None = None
        self.told: dict[int, FirstOnly] = {}
        self.whole: set[int] = set()  # loaders that have given more than one batch of a walk

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.newest is not None:
            self.scores.operated(name, args, result)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if self.newest is not None:
            self.scores.lost(given, result)

    def text_written(self, text: str) -> None:
        """A line after a look at one batch, which may tell the figure of that batch."""
        walk, self.newest = self.newest, None
        loader = walk.loader() if walk is not None else None
        scored, self.scores = self.scores.walks, Walks(self.world)
        if walk is None or loader is None or walk.given != 1 or walk.backwards or walk.steps:
            return
        known = [figure for one in scored for figure in one.figures()]
        shown = [t for t in NUMBER.findall(text)[:8] if any(shows(t, v) for v in known)]
        if shown and isinstance(loader.sampler, SequentialSampler):
            one = self.told.setdefault(id(loader), FirstOnly(walk.loader, walk.place))
            one.figures.append(max(shown, key=len))

    def _look_whether_it_was_all(self) -> None:
        """A loader in order gives the same first batch each time, and the rest was never asked for."""
        for key, one in self.told.items():
            loader, mine = one.loader(), self.world.walked.get(key)
            digits = sum(len(f.replace(".", "").lstrip("0")) for f in one.figures)
            if loader is None or mine is None or mine.steps or digits < DIGITS:
                continue
            batches = length_of(loader)
            if len(one.figures) < SURE or batches < 2 or key in self.whole:
                continue
            if not self.world.found("E101"):
                self.world.adopt(first_batch_only(batches, len(one.figures)), one.place)

    def batch_given(self, current: Pass, batch: Any) -> None:
        if current.given > 1:
            self.whole.add(id(current.loader()))
            self.newest = None if self.newest is current else self.newest

    def pass_starts(self, current: Pass) -> None:
        self.newest = current
        self.scores = Walks(self.world)
        self._look_back()
        if len(self.walks) < MOST:
            self.walks.append(current)

    def ended(self) -> None:
        self._look_back()
        self._look_whether_it_was_all()

    def _look_back(self) -> None:
        walks, self.walks = self.walks, []
        for walk in walks:
            if walk.alive():
                self.walks.append(walk)
            elif not walk.complete and walk.given == 1 and walk.place is not None:
                self._judge(walk, walk.place)

    def _judge(self, walk: Pass, place: Place) -> None:
        loader = walk.loader()
        trains = walk.backwards or walk.steps or not walk.calls
        if loader is None or trains or self.world.found("E101"):
            return
        batches, line = length_of(loader), _returns(place)
        if batches > 1 and line is not None:
            self.world.adopt(one_batch_scored(batches), Place(place.file, line))


def _returns(place: Place) -> int | None:
    """The line of a `return` that ends the first round of the loop at a place, which gathers."""
    tree = tree_of(place.file)
    for loop in ast.walk(tree) if tree is not None else ():
        if not isinstance(loop, LOOPS) or loop.lineno != place.line:
            continue
        inside = [node for part in loop.body for node in ast.walk(part)]
        if any(isinstance(node, ast.Continue | ast.Yield) for node in inside):
            return None
        if any(_gathers(node) for node in inside):
            return next((s.lineno for s in _straight(loop.body) if isinstance(s, ast.Return)), None)
    return None


def _gathers(node: ast.AST) -> bool:
    if isinstance(node, ast.AugAssign):
        return True
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_method and node.func.attr in GATHERING  # type: ignore[attr-defined]


def _straight(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that run in any case."""
    found: list[ast.stmt] = []
    for statement in body:
        found.append(statement)
        if isinstance(statement, ast.With):
            found += _straight(statement.body)
    return found
