"""Operations of torch whose new tensor nobody takes, wherever the program computes one: M114."""

from __future__ import annotations

import ast
import sys
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING, Any

from lamplighter.watch.dropped import tell_thrown
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import HOUSE, Place, is_users, tree_of
from lamplighter.watch.source.results import NEW_TENSORS
from lamplighter.watch.source.statements import called_name
from lamplighter.watch.taps.names import CONVERTING, same_name

if TYPE_CHECKING:
    from lamplighter.watch.world import World

# files of torch that stand between the user's line and the operation itself
_BETWEEN = (
    "torch/overrides.py", "torch/functional.py", "torch/nn/functional.py", "torch/_tensor.py",
    "torch/_jit_internal.py",
)  # fmt: skip
# whoever tries whether an operation is possible takes no result
_TRYING = ("raises", "suppress")
_NOTHING: dict[int, tuple[ast.Call, bool]] = {}


class ThrownTensors(Watcher):
    """Holds each operation that is heard against the statements that are nothing but a call.

    `DroppedResults` reads the functions that are running at a step; this one hears the operation
    itself, so that a layer within a network counts as well, and no name has to be resolved.
    """

    codes = ("M114",)
    operations = NEW_TENSORS

    def __init__(self, world: World) -> None:
        self.world = world

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name not in NEW_TENSORS:
            return
        frame = _caller(sys._getframe(1))
        file = frame.f_code.co_filename if frame is not None else ""
        alone = _calls_alone(file)
        if frame is None or not alone or (known := alone.get(frame.f_lineno)) is None:
            return
        call, shown = known
        if shown and frame.f_code.co_name == "<module>":
            return
        # `clamp_` is heard as "clamp" too: what the source says decides
        if same_name(called_name(call)) == name and _is_new(name, args, kwargs, result):
            tell_thrown(self.world, ast.unparse(call.func), Place(file, call.lineno))


def _is_new(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> bool:
    """Whether an operation has made something, and has not worked in place."""
    if kwargs.get("out") is not None or kwargs.get("inplace"):
        return False
    given = next(shallow((*args, *kwargs.values())), None)
    if given is None:
        return False
    return name in CONVERTING or result is not given  # `x.to(…)` gives x where nothing is to do


def _caller(frame: FrameType | None) -> FrameType | None:
    """The frame of the user's line if it called the operation itself, and no layer of torch did."""
    while frame is not None and _stands_between(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


@cache
def _stands_between(file: str) -> bool:
    return file.startswith(HOUSE + "/") or file.endswith(_BETWEEN)


@cache
def _calls_alone(file: str) -> dict[int, tuple[ast.Call, bool]]:
    """Line → the call that is the whole of its statement, and whether it is shown as by a notebook.

    Left out are the statements of a `try`, and conversions of what was just made, as
    `torch.zeros(1).cuda()`: that is how a device is woken.
    """
    tree = tree_of(file) if is_users(file) else None
    if tree is None:
        return _NOTHING
    trying = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) or (isinstance(node, ast.With) and _tries(node))
        for statement in node.body
        for inner in ast.walk(statement)
    }
    shown = file.startswith("<") or "/ipykernel_" in file
    found: dict[int, tuple[ast.Call, bool]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            continue
        name, function = same_name(called_name(node.value)), node.value.func
        waking = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call)
        if name not in NEW_TENSORS or node in trying or (waking and name in CONVERTING):
            continue
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        found |= dict.fromkeys(lines, (node.value, shown))
    return found


def _tries(node: ast.With) -> bool:
    calls = [item.context_expr for item in node.items]
    return any(isinstance(call, ast.Call) and called_name(call) in _TRYING for call in calls)
