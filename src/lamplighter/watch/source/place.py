"""The line of the user's own code that is running now."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef
FAR = 8  # calls that are followed outwards
HOUSE = str(Path(__file__).resolve().parents[2])
_FOREIGN = tuple(
    str(Path(path).resolve()) + "/"
    for key in ("stdlib", "platstdlib", "purelib", "platlib")
    if (path := sysconfig.get_paths().get(key))
)


@dataclass(frozen=True, slots=True)
class Place:
    """A line in a file of the user; whatever its columns, two of one line are equal.

    Args:
        file: path as Python knows it.
        line: counted from 1.
        column: where the running call begins, counted from 0; −1: not known.
        end: the column where it ends.
        outer: where the function was called, and so on outwards, as far as that was noted.
    """

    file: str
    line: int
    column: int = field(default=-1, compare=False)
    end: int = field(default=-1, compare=False)
    outer: tuple[Place, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def of(cls, frame: FrameType) -> Place:
        """The line that a function is at."""
        return _line(frame.f_code.co_filename, frame.f_lineno)

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


@lru_cache(maxsize=4096)  # the same lines run in every step
def _line(file: str, line: int) -> Place:
    return Place(file, line)


@cache
def is_users(file: str) -> bool:
    """Whether a file is the user's own: neither Python, nor installed, nor Lamplighter."""
    if file.startswith("<"):
        return file.startswith("<ipython-input")
    path = str(Path(file).resolve())
    if path.startswith(HOUSE + "/") or "/site-packages/" in path or "/dist-packages/" in path:
        return False
    return "/ipykernel_" in path or not path.startswith(_FOREIGN)


def user_frame(depth: int = 1) -> FrameType | None:
    """The innermost running frame that belongs to the user, or None."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        if is_users(frame.f_code.co_filename):
            return frame
        frame = frame.f_back
    return None


def here() -> Place | None:
    """The innermost line of the user's code on the stack, or None."""
    frame = user_frame(2)
    return Place.of(frame) if frame is not None else None


def way_here() -> tuple[tuple[CodeType, int], ...]:
    """The running calls of the user's code, innermost first: two of one line are not the same."""
    ways = []
    for frame in frames(2):
        ways.append((frame.f_code, frame.f_lasti))
        if len(ways) == FAR:
            break
    return tuple(ways)


def here_exactly(depth: int = 1) -> Place | None:
    """The same with the column of the running call and the way to it; takes a little longer."""
    places = []
    for frame in frames(depth + 1):
        places.append(_with_column(frame))
        if len(places) == FAR:
            break
    return replace(places[0], outer=tuple(places[1:])) if places else None


def _with_column(frame: FrameType) -> Place:
    positions = list(frame.f_code.co_positions())
    at = frame.f_lasti // 2
    known = positions[at] if at < len(positions) else (None, None, None, None)
    column, end = (-1 if value is None else value for value in known[2:])
    return Place(frame.f_code.co_filename, frame.f_lineno, column, end)


def calling_line() -> Place | None:
    """The line of the program that calls torch itself; None where a library that it uses does."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(HOUSE + "/"):
        frame = frame.f_back
    return Place.of(frame) if frame is not None and is_users(frame.f_code.co_filename) else None


def frames(depth: int = 1) -> Iterator[FrameType]:
    """The running frames that belong to the user, innermost first."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        if is_users(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


def running_module(kind: type[Any]) -> Any:
    """The innermost module of a class of torch whose `forward` is running, or None."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_users(frame.f_code.co_filename):
        owner = frame.f_locals.get("self") if frame.f_code.co_name == "forward" else None
        if isinstance(owner, kind):
            return owner
        frame = frame.f_back
    return None


def locals_of(frame: FrameType) -> dict[str, Any]:
    """A copy of a frame's local variables that keeps nothing of them alive in the frame."""
    seen = frame.f_locals
    copied = dict(seen)
    # Until Python 3.12 a function's frame keeps the dictionary that it showed, and all within.
    if sys.version_info < (3, 13) and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        seen.clear()  # type: ignore[attr-defined,unused-ignore]
    return copied


def names_of(thing: object, depth: int = 1) -> list[str]:
    """The names under which the user's running functions and modules know an object.

    Args:
        thing: compared by identity.
        depth: frames to leave out.
    """
    names: list[str] = []
    for frame in frames(depth + 1):
        for space in (locals_of(frame), frame.f_globals):
            names += [name for name, value in list(space.items()) if value is thing]
    return list(dict.fromkeys(name for name in names if not name.startswith("_")))


def statement_at(place: Place) -> ast.stmt | None:
    """The innermost statement of the source that covers a line, or None."""
    return _statement(place.file, place.line, place.column)


@cache  # the same lines run in every step
def _statement(file: str, line: int, column: int) -> ast.stmt | None:
    best: ast.stmt | None = None
    for node in statements(file):
        end = node.end_lineno or node.lineno
        alone = column < 0 or not node.lineno == end == line
        if not (alone or node.col_offset <= column < (node.end_col_offset or 0)):
            continue  # another statement of the same line
        if node.lineno <= line <= end and (best is None or node.lineno >= best.lineno):
            best = node
    return best


@cache
def tree_of(file: str) -> ast.Module | None:
    """The parsed source of a file, or None where there is none."""
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None


@cache
def statements(file: str) -> tuple[ast.stmt, ...]:
    """Every statement of a file, outer before inner."""
    tree = tree_of(file)
    return tuple(n for n in ast.walk(tree) if isinstance(n, ast.stmt)) if tree else ()


@cache
def function_of(code: CodeType) -> Function | None:
    """The source of the user's function that this code was made from, or None."""
    if not is_users(code.co_filename):
        return None
    for node in statements(code.co_filename):
        if isinstance(node, Function) and node.name == code.co_name:
            # with decorators, the code begins where the first of them is
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    return None


def function_around(file: str, first: int, last: int) -> Function | None:
    """The innermost function whose lines take in these; None for those of the module itself."""
    around = [
        node
        for node in statements(file)
        if isinstance(node, Function) and node.lineno <= first and last <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno, default=None)


def line_of_attribute(owner: type[Any], attribute: str) -> Place | None:
    """The line on which a class gives itself an attribute (`self.attribute = …`), or None."""
    for kind in owner.__mro__:
        if not _has_source(kind):
            continue
        file = inspect.getsourcefile(kind) or ""
        for node in ast.walk(tree_of(file) or ast.Module([], [])):
            if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                for inner in ast.walk(node):
                    if _assigns(inner, attribute):
                        return Place(file, inner.lineno)  # type: ignore[attr-defined]
    return None


def line_of_class(owner: type[Any]) -> Place | None:
    """The line on which the user's class begins, or None for a class of somebody else."""
    if not _has_source(owner):
        return None
    file = inspect.getsourcefile(owner) or ""
    for node in ast.walk(tree_of(file) or ast.Module([], [])):
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__:
            return Place(file, node.lineno)
    return None


def line_that_freezes(near: Sequence[Place | None]) -> Place | None:
    """The only line of these files that sets `requires_grad` to False, or None."""
    found: list[Place] = []
    for file in dict.fromkeys(place.file for place in near if place is not None):
        for node in ast.walk(tree_of(file) or ast.Module([], [])):
            if _freezes(node):
                found.append(Place(file, node.lineno))  # type: ignore[attr-defined]
    return found[0] if len(found) == 1 else None


def _freezes(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign) and _assigns(node, "requires_grad"):
        return isinstance(node.value, ast.Constant) and node.value.value is False
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    given = [*node.args, *(k.value for k in node.keywords)]
    off = any(isinstance(a, ast.Constant) and a.value is False for a in given)
    return node.func.attr == "requires_grad_" and off


def _has_source(kind: type[Any]) -> bool:
    try:
        file = inspect.getsourcefile(kind)
    except (TypeError, OSError):
        return False
    return file is not None and is_users(file)


def _assigns(node: ast.AST, attribute: str) -> bool:
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    return any(isinstance(t, ast.Attribute) and t.attr == attribute for t in targets)
