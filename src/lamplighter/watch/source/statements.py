"""What the user's statements do with a variable, read from the source."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import cache

from lamplighter.watch.source.place import Place, statement_at, statements, tree_of

# what may read a variable by its name, which the source does not show
HIDDEN = frozenset(("locals", "vars", "eval", "exec", "globals"))


def line_of_backward_value(place: Place | None) -> Place | None:
    """The last line that assigns what `….backward()` at a place is called on, or the place itself.

    Args:
        place: the line of the call.
    """
    name = _receiver(place)
    if place is None or name is None:
        return place
    lines = [
        node.lineno
        for node in ast.walk(tree_of(place.file) or ast.Module([], []))
        if isinstance(node, ast.Assign | ast.AugAssign) and _targets(node, name)
    ]
    before = [line for line in lines if line < place.line]
    return Place(place.file, max(before)) if before else place


def overwritten_unread(place: Place | None) -> Place | None:
    """Where the variable assigned at a place gets another value before anybody read the first.

    Args:
        place: a line with `name = …`.

    Returns:
        The line of the second assignment; the place itself where the variable is never read; None
        where it is read, or where the line is no plain assignment.
    """
    statement = statement_at(place) if place is not None else None
    if place is None or not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        return None
    block = block_of(place.file, statement)
    for later in block[block.index(statement) + 1 :] if block else ():
        if not _mentions(later, target.id):
            continue
        again = isinstance(later, ast.Assign) and _targets(later, target.id)
        if again and not _reads(later, target.id):
            return Place(place.file, later.lineno)
        break
    tree = tree_of(place.file)
    return None if tree is None or _reads(tree, target.id) else place


def line_that_names(near: Place | None, method: str) -> Place | None:
    """The first statement of a file that names a method and does not call it, or None.

    Args:
        near: any line of the file.
        method: as `step` in `optimizer.step` without its parentheses.
    """
    for node in statements(near.file) if near is not None else ():
        value = node.value if isinstance(node, ast.Expr) else None
        if near is not None and isinstance(value, ast.Attribute) and value.attr == method:
            return Place(near.file, node.lineno)
    return None


def line_of_keyword(place: Place | None, names: tuple[str, ...]) -> Place | None:
    """The line of the first of these arguments in the call at a place, else the place."""
    tree = tree_of(place.file) if place is not None else None
    if place is None or tree is None:
        return place
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.lineno == place.line:
            for keyword in node.keywords:
                if keyword.arg in names:
                    return Place(place.file, keyword.value.lineno)
    return place


def only_call_of(files: Iterator[str], name: str) -> Place | None:
    """The only line of these files that calls a function of this name, or None."""
    found = [
        Place(file, node.lineno)
        for file in dict.fromkeys(files)
        for node in ast.walk(tree_of(file) or ast.Module([], []))
        if isinstance(node, ast.Call) and called_name(node) == name
    ]
    return found[0] if len(found) == 1 else None


def only_call_with(files: Iterator[str], keyword: str) -> Place | None:
    """The only line of these files that gives a value to an argument of this name, or None."""
    found = [
        Place(file, given.value.lineno)
        for file in dict.fromkeys(files)
        for node in ast.walk(tree_of(file) or ast.Module([], []))
        if isinstance(node, ast.Call)
        for given in node.keywords
        if given.arg == keyword and not _is_none(given.value)
    ]
    return found[0] if len(found) == 1 else None


def line_in_a_loop(place: Place | None, name: str) -> Place | None:
    """The first plain statement within a loop of a file that reads a variable or attribute.

    Args:
        place: any line of the file; it is the answer where there is no such statement.
        name: of the variable or attribute.
    """
    tree = tree_of(place.file) if place is not None else None
    if place is None or tree is None:
        return place
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.For | ast.AsyncFor)]
    inside = [n for loop in loops for part in loop.body for n in ast.walk(part)]
    plain = [n for n in inside if isinstance(n, ast.Assign | ast.AugAssign | ast.Expr)]
    lines = [
        n.lineno
        for n in plain
        if any(name in (getattr(m, "attr", ""), getattr(m, "id", "")) for m in ast.walk(n))
    ]
    return Place(place.file, min(lines)) if lines else place


@cache
def block_of(file: str, statement: ast.stmt) -> list[ast.stmt]:
    """The statements among which one stands, such as those of one `if`; empty where it is no such."""
    for node in ast.walk(tree_of(file) or ast.Module([], [])):
        for part in ("body", "orelse", "finalbody"):
            inside = getattr(node, part, None)
            if isinstance(inside, list) and statement in inside:
                return inside
    return []


@cache
def asks_for_gradients(file: str) -> bool:
    """Whether a file computes gradients without backward(), which is not heard."""
    return any("autograd" in line for line in linecache.getlines(file))


def called_name(call: ast.Call) -> str:
    """The last part of the name of what is called."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _receiver(place: Place | None) -> str | None:
    statement = statement_at(place) if place is not None else None
    for node in ast.walk(statement) if statement is not None else ():
        if isinstance(node, ast.Call) and called_name(node) == "backward":
            names = [n.id for n in ast.walk(node.func) if isinstance(n, ast.Name)]
            return names[-1] if names else None
    return None


def _targets(node: ast.Assign | ast.AugAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(t, ast.Name) and t.id == name for t in targets)


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))


def _reads(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
        for n in ast.walk(node)
    )


def is_summed_up(place: Place) -> bool:
    """Whether what a line computes is added to a sum, there or where its variable is read next."""
    statement = statement_at(place)
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.op, ast.Add)
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return False
    name, block = statement.targets[0].id, block_of(place.file, statement)
    for later in block[block.index(statement) + 1 :] if block else ():
        if _mentions(later, name):
            return isinstance(later, ast.AugAssign) and isinstance(later.op, ast.Add)
    return False
