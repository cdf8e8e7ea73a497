"""What watching costs, counted in calls of Python functions: no other program alters that number."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import lamplighter as lamp
from lamplighter.watch.attention import EVENTS_OF_A_TRAINING, OPERATIONS_OF_A_TRAINING
from lamplighter.watch.events import Stream, Watcher
from lamplighter.watch.watching import watchers
from lamplighter.watch.world import World

HOUSE = str(Path(lamp.__file__).parent)
LIGHT = 16  # calls in most steps that are followed lightly; in step 64 and its like more is asked
CLOSE = 610  # in one of which all is heard but its operations
CLOSEST = 820  # in one of which all is heard


class Counter:
    """Counts the calls of this package's functions, step by step."""

    def __init__(self) -> None:
        self.calls = 0
        self.steps: list[int] = []

    def heard(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(HOUSE):
            self.calls += 1

    def count(self, step: Callable[[], None]) -> None:
        """Runs one step and notes what it called."""
        self.calls = 0
        sys.setprofile(self.heard)
        try:
            step()
        finally:
            sys.setprofile(None)
        self.steps.append(self.calls)


@pytest.fixture(scope="module")
def counted() -> list[int]:
    """The calls of each step of a small plain loop, batches included, over one epoch."""
    torch.manual_seed(0)
    images, labels = torch.randn(1600, 16), torch.randint(0, 4, (1600,))
    loader = DataLoader(TensorDataset(images, labels), batch_size=16, shuffle=True)
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    counter = Counter()
    with lamp.watch(model, optimizer) as watch:
        batches = iter(loader)

        def step() -> None:
            x, y = next(batches)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

        for _ in range(len(loader)):
            counter.count(step)
    assert watch.faults == []
    return counter.steps


def test_a_light_step_calls_next_to_nothing(counted: list[int]) -> None:
    """Once the close look is over, every step of the long training costs a handful of calls."""
    light = counted[EVENTS_OF_A_TRAINING.first + 1 : -1]
    assert sorted(light)[len(light) // 2] <= LIGHT, light
    assert max(light) <= 2 * LIGHT, light
    assert min(light) > 0, "nothing is followed at all, so this counts nothing"


def test_a_close_step_calls_a_bounded_number(counted: list[int]) -> None:
    """The first steps are looked at by all: more watchers than can be paid for fail here."""
    closest = counted[OPERATIONS_OF_A_TRAINING.first - 8 : OPERATIONS_OF_A_TRAINING.first - 1]
    close = counted[OPERATIONS_OF_A_TRAINING.first + 1 : EVENTS_OF_A_TRAINING.first - 1]
    assert sorted(closest)[len(closest) // 2] <= CLOSEST, closest
    assert sorted(close)[len(close) // 2] <= CLOSE, close


class Sums(Watcher):
    """Hears of sums alone."""

    operations: frozenset[str] | None = frozenset({"sum"})

    def __init__(self) -> None:
        self.names: list[str] = []

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        self.names.append(name)


class Everything(Sums):
    """Hears of all operations."""

    operations = None


class Breaks(Sums):
    """Breaks at the first operation that it hears of."""

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        raise ValueError("broken")


class Steps(Watcher):
    """Counts steps; asks for them in a long training once it has a reason to."""

    def __init__(self) -> None:
        self.heard = 0

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.heard += 1


def test_a_watcher_may_ask_for_every_step_once_it_needs_them() -> None:
    """Until then it costs nothing where a training is followed lightly."""
    steps, other = Steps(), Steps()
    stream = Stream([steps, other])
    stream.rest()
    stream.tell("step_ended", None)
    assert (steps.heard, other.heard) == (0, 0)
    steps.always = frozenset({"step_ended"})
    stream.wake()
    stream.tell("step_ended", None)
    assert (steps.heard, other.heard) == (1, 1)
    stream.rest()
    stream.tell("step_ended", None)
    assert (steps.heard, other.heard) == (2, 1)


def test_an_operation_is_told_to_those_who_named_it() -> None:
    """Others are not called; one that breaks hears no more and keeps nobody from hearing."""
    sums, everything = Sums(), Everything()
    stream = Stream([Breaks(), sums, everything])
    for name in ("mul", "sum", "mul", "sum"):
        stream.tell("operated", name, (), {}, None)
    assert sums.names == ["sum", "sum"]
    assert everything.names == ["mul", "sum", "mul", "sum"]
    assert stream.faults == ["Breaks.operated: ValueError: broken"]


def test_no_watcher_asks_for_an_operation_that_it_does_not_hear_of() -> None:
    """Every name that `operated` compares with is among the watcher's `operations`."""
    asked = 0
    for watcher in watchers(World()):
        kind = type(watcher)
        if kind.operations is None or kind.operated is Watcher.operated:
            continue
        wanted = set(_asked_for(kind))
        asked += len(wanted)
        assert wanted <= kind.operations, (kind.__name__, wanted - kind.operations)
    assert asked > 100


def _asked_for(kind: type[Watcher]) -> Iterator[str]:
    """The names in `name == "…"` and `name in …`, from `operated` on through its module."""
    module = inspect.getmodule(kind)
    assert module is not None
    tree = ast.parse(inspect.getsource(module))
    known = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    owner = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == kind.__name__)
    waiting = [n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == "operated"]
    done: set[str] = set()
    while waiting:
        function = waiting.pop()
        done.add(function.name)
        for node in ast.walk(function):
            if isinstance(node, ast.Compare) and _is_name(node.left):
                for how, other in zip(node.ops, node.comparators, strict=True):
                    ways = [other.body, other.orelse] if isinstance(other, ast.IfExp) else [other]
                    for way in ways if isinstance(how, ast.Eq | ast.In) else ():
                        found = eval(ast.unparse(way), vars(module))
                        yield from [found] if isinstance(found, str) else found
            elif isinstance(node, ast.Call) and any(map(_is_name, node.args)):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if called in known and called not in done:
                    waiting.append(known[called])


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "name"


def test_observing_a_script_needs_no_torch_in_the_process_that_asks() -> None:
    """Only the process in which the script runs imports torch, so that it is imported once."""
    code = "import sys, lamplighter.cli.check_script, lamplighter.watch.script; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
