"""What the source takes of what has just left torch: the largest, or those above a number."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from lamplighter.watch.source.place import Place, statement_at
from lamplighter.watch.source.statements import block_of, called_name

CHOOSING = "argmax"
# calls on an array that leave its numbers what they are, the first two also where they are
SAME_PLACES = frozenset(("astype", "copy"))
SAME_NUMBERS = SAME_PLACES | {"squeeze", "flatten", "ravel", "reshape"}
# what asks whether numbers are as they should be
ASKING = ("all", "any")
PACKAGES = ("np", "numpy", "torch")


def chosen_along(place: Place) -> tuple[int, Place] | None:
    """The axis of the `argmax` that is taken of what a call gives, and its line; None: of none.

    Args:
        place: of the running call, with its columns.
    """
    for node, is_the_array in _what_follows(place, SAME_PLACES):
        if isinstance(node, ast.Call) and called_name(node) == CHOOSING:
            chosen, axis = _chosen(node)
            if axis is not None and is_the_array(chosen):
                return axis, Place(place.file, node.lineno)
    return None


def cut_at(place: Place) -> tuple[float, Place] | None:
    """The number that what a call gives is compared with by `<` or `>`, and its line; None: none.

    Left out are comparisons that only ask whether the numbers are as they should be.

    Args:
        place: of the running call, with its columns.
    """
    asked: set[ast.AST] = set()
    for node, is_the_array in _what_follows(place, SAME_NUMBERS):
        asks = isinstance(node, ast.Call) and called_name(node) in ASKING
        if asks or isinstance(node, ast.Assert):
            asked.update(ast.walk(node))
        if isinstance(node, ast.Compare) and node not in asked:
            several, number = _cut(node)
            if several is not None and is_the_array(several):
                return number, Place(place.file, node.lineno)
    return None


def _what_follows(
    place: Place, leaving: frozenset[str]
) -> Iterator[tuple[ast.AST, Callable[[ast.expr], bool]]]:
    """The nodes of the running statement, and of later ones in its block that read its variable.

    Until something sets that variable anew, or a part of what it holds.

    Args:
        place: of the running call, with its columns.
        leaving: calls on an array whose result stands for the array.

    Yields:
        A node, outer before inner, and what tells whether an expression is what the call gave.
    """
    statement = statement_at(place)
    if statement is None or place.column < 0:
        return

    def is_the_call(value: ast.expr) -> bool:
        return _is_at(_bare(value, leaving), place)

    for node in ast.walk(statement):
        yield node, is_the_call
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target = statement.targets[0]
    if not isinstance(target, ast.Name) or not is_the_call(statement.value):
        return
    name = target.id

    def is_the_variable(value: ast.expr) -> bool:
        bare = _bare(value, leaving)
        return isinstance(bare, ast.Name) and bare.id == name

    block = block_of(place.file, statement)
    for later in block[block.index(statement) + 1 :] if block else ():
        for node in ast.walk(later):
            yield node, is_the_variable
        if any(_sets(node, name) for node in ast.walk(later)):
            return


def _cut(node: ast.Compare) -> tuple[ast.expr | None, float]:
    """What a comparison holds against a number that is written down, and that number."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Gt | ast.GtE | ast.Lt | ast.LtE):
        return None, 0.0
    sides = [node.left, node.comparators[0]]
    numbers = [s.value for s in sides if isinstance(s, ast.Constant)]
    several = [s for s in sides if not isinstance(s, ast.Constant)]
    if len(several) != 1 or not isinstance(number := numbers[0], int | float):
        return None, 0.0
    return several[0], float(number)


def _bare(value: ast.expr, leaving: frozenset[str]) -> ast.expr:
    """An array without such calls around it."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if value.func.attr not in leaving:
            break
        value = value.func.value
    return value


def _chosen(call: ast.Call) -> tuple[ast.expr, int | None]:
    """What an argmax is of, and its axis; None where that is not written down as a number."""
    given = list(call.args)
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is not None and not (isinstance(owner, ast.Name) and owner.id in PACKAGES):
        given.insert(0, owner)
    axis = next((k.value for k in call.keywords if k.arg in ("axis", "dim")), None)
    axis = axis if axis is not None else given[1] if len(given) > 1 else None
    if axis is None or not given:
        return call, None
    try:
        number = ast.literal_eval(axis)
    except ValueError:
        return call, None
    return given[0], number if isinstance(number, int) else None


def _is_at(node: ast.AST, place: Place) -> bool:
    if not isinstance(node, ast.Call):
        return False
    begins = (node.lineno, node.col_offset) == (place.line, place.column)
    return begins and (place.end < 0 or node.end_col_offset == place.end)


def _sets(node: ast.AST, name: str) -> bool:
    """Whether a node gives a variable another value, or puts something into what it holds."""
    if not isinstance(getattr(node, "ctx", None), ast.Store):
        return False
    while isinstance(node, ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and node.id == name
