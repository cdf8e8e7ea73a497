"""Targets that are a reward and the value of what comes next: Q101, Q102, Q104."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.reinforcement import (
    future_only_at_the_end,
    future_past_the_end,
    target_has_a_graph,
    target_never_follows,
)
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity, version_of
from lamplighter.watch.loop.unasked import UnaskedTargets
from lamplighter.watch.loss.graphs import is_loss, nodes_of
from lamplighter.watch.network.likeness import shapes_of, values_of
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.flags import ENDS, NOT, end_flags, numbers_in, things_in
from lamplighter.watch.source.place import Place, locals_of, user_frame
from lamplighter.watch.taps.names import JOINING, KEEPING, PICKING, RESHAPING, handed_on

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 60  # targets whose program is asked for flags
SURE = 2  # targets that must show the same
LONG = 300  # steps after which a target network would have been copied
RECENT = 32  # steps within which each of several is asked
FEW = 64  # values of a weight by which a network is known again
FEWEST = 8  # transitions of a batch whose flags are told from others
CUT_SHORT = re.compile(r"trunc|time[ds]?_?(out|up|limit)")
HALF = 0.5  # most transitions are not the last of an episode
GRAPH = "graph"  # what is counted of targets with one, beside the flags
DISCOUNTS = (0.5, 1.0)  # beyond the first, and below the second
MOST_FITTED = 16  # differences from such a target that wait for a backward()
PATIENT = 2  # backward passes that they wait: the policy's may come before that of the values
# what leaves "the value of what comes next" what it is
CARRYING = frozenset(
    ("max", "amax", "min", "minimum", "mean", "sum", "logsumexp", "gather", "take_along_dim")
)
CARRYING |= KEEPING | RESHAPING | PICKING | JOINING
MEETING = frozenset(("add", "sub", "rsub", "mul", "div"))
SPARING = frozenset(
    ("where", "masked_fill", "masked_scatter", "index_put", "index_fill", "scatter", "index_copy")
)


@dataclass(eq=False, slots=True)
class Future:
    """The value that a network gives, and what became of it.

    Args:
        network: weak.
        discount: its factor so far; None: it was multiplied with nothing.
        spared: whether something may have taken it away from single transitions.
        factor: the numbers for each transition that it was multiplied with.
    """

    network: weakref.ref[nn.Module]
    discount: float | None = None
    spared: bool = False
    factor: Tensor | None = None


@dataclass(eq=False, slots=True)
class Target:
    """A reward and a discounted future, which no gradient passes.

    Args:
        tensor: held until the next backward(), as it may be altered in place.
        version: of the tensor when it was made.
        future: the second term.
        flag: the variable that says where episodes end, the rows of the batch, and those.
        place: where the two were added.
    """

    tensor: Tensor
    version: int
    future: Future
    flag: tuple[str, int, int]
    place: Place


@dataclass(eq=False, slots=True)
class Fitted:
    """A target with a graph that a value was held against.

    Args:
        discount: of the value of what comes next.
        node: of the graph, where the reward was added; a loss may hold it or not.
        place: where the two were added.
        age: backward passes since then that did not hold it.
    """

    discount: float
    node: Any
    place: Place
    age: int = 0


@dataclass(eq=False, slots=True)
class Twin:
    """A network that gives values for targets: as it was at first, and after how many steps.

    `last`: steps when it was last seen to give one.
    """

    ref: weakref.ref[nn.Module]
    values: Tensor
    steps: int
    place: Place
    last: int
    is_dropped: bool = False


class Bootstraps(Watcher):
    """Follows the answers of networks into targets."""

    codes = ("Q101", "Q102", "Q104")
    operations = CARRYING | MEETING | SPARING

    def __init__(self, world: World) -> None:
        self.world = world
        self.futures: ByIdentity[tuple[Future, int]] = ByIdentity()
        self.waiting: list[Target] = []
        self.twins: dict[int, Twin] = {}
        self.unasked = UnaskedTargets(world)
        self.looks = 0
        self.hits = Often(SURE)
        self.live: ByIdentity[tuple[float, Place]] = ByIdentity()
        self.fitted: list[Fitted] = []
        self.numbers: dict[Place, set[float]] = {}

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        future = None
        for tensor in shallow((output,)):
            if tensor.is_floating_point():
                future = future or Future(weakref.ref(module))
                self.futures[tensor] = (future, version_of(tensor))

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not len(self.futures):
            return
        if name in ("sub", "rsub") and len(self.live):
            self._look_at_difference(args)
        if name in CARRYING:
            if (known := self._known(handed_on(name, args))) is not None:
                for tensor in shallow((result,)):
                    self.futures[tensor] = (known, version_of(tensor))
        elif name in MEETING:
            if isinstance(result, Tensor) and (known := self._known(args)) is not None:
                self._meet(name, known, args, result)
        elif name in SPARING and (known := self._known((*args, *kwargs.values()))) is not None:
            known.spared = True

    def _known(self, args: Sequence[Any]) -> Future | None:
        """The future among arguments."""
        for thing in args:
            several = thing if isinstance(thing, list | tuple) else (thing,)
            for one in several:
                known = self.futures.get(one) if isinstance(one, Tensor) else None
                if known is not None:
                    known[0].spared |= version_of(one) != known[1]  # altered in place, unheard
                    return known[0]
        return None

    def _meet(self, name: str, future: Future, args: tuple[Any, ...], result: Tensor) -> None:
        others = [a for a in args if not (isinstance(a, Tensor) and self.futures.get(a))]
        other = others[0] if len(others) == 1 else None
        single = isinstance(other, Tensor) and other.numel() == 1 and not other.requires_grad
        number = float(other) if single or isinstance(other, float) else None  # type: ignore[arg-type]
        if name in ("mul", "div"):
            # a row of 0 and 1, or `1 - done`: the future is spared where an episode ends
            spared = future.spared or (number is None and bool(others))
            factor = _largest(other) if number is None else number
            factor = factor if name == "mul" else 1 / factor if factor else 0.0
            rows = other if isinstance(other, Tensor) and number is None else future.factor
            future = Future(future.network, (future.discount or 1.0) * factor, spared, rows)
        elif name == "add" and future.discount is not None and other is not None:
            if DISCOUNTS[0] <= future.discount < DISCOUNTS[1] and _is_reward(other, result):
                self._made(future, result)
            elif DISCOUNTS[0] <= future.discount < DISCOUNTS[1] and result.requires_grad:
                self._made_with_graph(future, other, result)
            return
        self.futures[result] = (future, version_of(result))

    def _made(self, future: Future, result: Tensor) -> None:
        frame = user_frame(1)
        module = future.network()
        if frame is None or module is None:
            return
        place = Place.of(frame)
        self._remember(module, place)
        self.unasked.target_made(module, place)
        if future.factor is not None and self.looks < LOOKS:
            self._look_at_factor(frame, future, place)
        if future.spared or self.looks >= LOOKS or self.world.found("Q101"):
            return
        self.looks += 1
        for flag in _flags(frame, result.numel()):
            self.waiting.append(Target(result, version_of(result), future, flag, place))
            self.futures[result] = (future, version_of(result))
            return

    def _look_at_factor(self, frame: FrameType, future: Future, place: Place) -> None:
        """Whether the value was multiplied with the flag itself, in place of its opposite."""
        row = numbers_in(future.factor)
        if row is None or len(row) < FEWEST or not 0 < float((row != 0).mean()) < HALF:
            return
        named = [(s, n.lower(), thing) for s, n, thing in things_in(frame)]
        cut_short = [thing for _, name, thing in named if CUT_SHORT.search(name)]
        ends = [
            shown
            for shown, name, thing in named
            if ENDS.search(name) and not NOT.search(name) and _is_like(thing, row)
        ]
        if not ends or any(_is_like(thing, row) for thing in cut_short):
            return  # where an episode was only cut short, there is a value behind its end
        self.looks += 1
        if self.hits.again(("only", ends[0])):
            found = future_only_at_the_end(ends[0], future.discount or 1.0)
            self.world.adopt_new(found, place)

    def _made_with_graph(self, future: Future, other: Any, result: Tensor) -> None:
        """A target through which gradients pass; it counts once something is fitted to it."""
        module, frame = future.network(), user_frame(1)
        if module is None or frame is None or self.hits.is_settled(GRAPH):
            return
        place = Place.of(frame)
        if self._is_plain(other, result, place) and self._is_held(module):
            self.live[result] = (future.discount or 1.0, place)

    def _is_plain(self, other: Any, result: Tensor, place: Place) -> bool:
        """Whether the other term is a reward for each row, or one number that is not always the same."""
        if isinstance(other, Tensor):
            return not other.requires_grad and other.numel() == result.numel()
        if not isinstance(other, int | float) or result.numel() != 1:
            return False
        known = self.numbers.setdefault(place, set())
        if len(known) < SURE:
            known.add(float(other))
        return len(known) >= SURE

    def _is_held(self, module: nn.Module) -> bool:
        """Whether some optimizer moves a network: to another one gradients do nothing."""
        held = self.world.held()
        return any(id(p) in held for p in module.parameters())

    def _look_at_difference(self, args: tuple[Any, ...]) -> None:
        """A value with a graph minus such a target."""
        both = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
        if len(both) == 2:
            self._fit(both)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        both = [t for t in (given.get("input"), given.get("target")) if isinstance(t, Tensor)]
        if len(both) == 2 and all(t.requires_grad for t in both) and len(self.live):
            self._fit(both)

    def _fit(self, both: list[Tensor]) -> None:
        for tensor in both:
            known = self.live.get(tensor)
            if known is not None and len(self.fitted) < MOST_FITTED:
                self.fitted.append(Fitted(known[0], tensor.grad_fn, known[1]))

    def _look_at_graph(self, roots: tuple[Tensor, ...]) -> None:
        """Whether what is sent back goes through such a target, or through its value alone."""
        if not self.fitted or self.hits.is_settled(GRAPH) or not is_loss(roots[0]):
            return
        nodes = {node for root in roots for node in nodes_of(root)}
        passed = next((one for one in self.fitted if one.node in nodes), None)
        if passed is not None:
            self.fitted = []
            if self.hits.again(GRAPH):
                self.world.adopt_new(target_has_a_graph(passed.discount), passed.place)
        for one in self.fitted:
            one.age += 1
        self.fitted = [one for one in self.fitted if one.age < PATIENT]

    def woken(self) -> None:
        self.fitted = []

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        self._look_at_graph(roots)
        waiting, self.waiting = self.waiting, []
        for target in waiting:
            name, rows, ended = target.flag
            if target.future.spared or version_of(target.tensor) != target.version:
                continue
            if self.hits.again(("past", name)):
                discount = target.future.discount or 1.0
                self.world.adopt_new(future_past_the_end(name, rows, ended, discount), target.place)

    # the target network

    def _remember(self, module: nn.Module, place: Place) -> None:
        steps, known = self.world.steps, self.twins.get(id(module))
        if known is not None:
            known.last = steps
        elif len(values := values_of(module, FEW)):
            self.twins[id(module)] = Twin(weakref.ref(module), values, steps, place, steps)

    def copied(self, thing: Any) -> None:
        self._renewed(thing)

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        self._renewed(module)

    def _renewed(self, thing: Any) -> None:
        """A copy of such a network may be the next to give the targets."""
        if self.twins and isinstance(thing, nn.Module):
            shapes = shapes_of(thing)
            for twin in self.twins.values():
                module = twin.ref()
                twin.is_dropped |= module is None or shapes_of(module) == shapes

    def ended(self) -> None:
        self.unasked.ended()
        if not self.world.whole:
            return
        newest = max((twin.last for twin in self.twins.values()), default=0)
        for twin in self.twins.values():
            module, steps = twin.ref(), self.world.steps - twin.steps
            if module is None or twin.is_dropped or steps < LONG:
                continue
            if twin.last < newest - RECENT:
                continue  # another has taken its place, as in each round of a fitted iteration
            held = self.world.held()
            if any(id(p) in held for p in module.parameters()):
                continue
            if not torch.equal(values_of(module, FEW), twin.values):
                continue
            for model, other in self.world.networks():
                if other is not module and model.trained and shapes_of(other) == shapes_of(module):
                    name = self.world.seen(module).name
                    found = target_never_follows(name, model.name, steps)
                    self.world.adopt(found, twin.place)
                    return


def _is_like(thing: Any, row: Any) -> bool:
    """Whether a thing is a row of numbers that are 0 just where those of another row are."""
    flag = numbers_in(thing)
    return flag is not None and len(flag) == len(row) and bool(((flag != 0) == (row != 0)).all())


def _largest(factor: Any) -> float:
    """The largest of a row of factors, such as a discount and 0; 1.0 where it is not to be had."""
    known = isinstance(factor, Tensor) and factor.is_cpu and factor.numel() > 0
    return float(factor.detach().max()) if known else 1.0


def _is_reward(other: Any, result: Tensor) -> bool:
    """Whether the other term is a number for each row, and no gradient passes the sum."""
    if result.requires_grad or not result.is_floating_point():
        return False
    if result.numel() != max(result.shape, default=1):
        return False
    return isinstance(other, int | float) or (
        isinstance(other, Tensor) and other.numel() == result.numel()
    )


def _flags(frame: FrameType, rows: int) -> Iterator[tuple[str, int, int]]:
    """What says that an episode is over: a row of the batch, or one plain `done`."""
    if rows > 1:
        for name, ended in end_flags(frame, rows):
            yield name, rows, ended
        return
    for name, thing in locals_of(frame).items():
        if thing is True and ENDS.search(name.lower()) and not NOT.search(name.lower()):
            yield name, 1, 1
