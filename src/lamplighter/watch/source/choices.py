"""What the source takes of what has just left torch: the largest, or those above a number."""

from __future__ import annotations

import ast

from lamplighter.watch.source.place import Place, statement_at
from lamplighter.watch.source.statements import block_of, called_name

CHOOSING = "argmax"
# calls on an array that leave its numbers what they are
SAME_NUMBERS = frozenset(("squeeze", "flatten", "ravel", "reshape", "astype", "copy"))


def chosen_along(place: Place) -> tuple[int, Place] | None:
    """The axis of the `argmax` that is taken of what a call gives, and its line; None: of none.

    Either within the same statement, or in a later one of the same block, of the variable that the
    statement gives it to and nothing sets anew in between.

    Args:
        place: of the running call, with its columns.
    """
    statement = statement_at(place)
    if statement is None or place.column < 0:
        return None
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and called_name(node) == CHOOSING:
            chosen, axis = _chosen(node)
            if axis is not None and any(_is_at(inner, place) for inner in ast.walk(chosen)):
                return axis, Place(place.file, node.lineno)
    if not isinstance(statement, ast.Assign) or not _is_whole_value(statement.value, place):
        return None
    target = statement.targets[0] if len(statement.targets) == 1 else None
    if not isinstance(target, ast.Name):
        return None
    block = block_of(place.file, statement)
    for later in block[block.index(statement) + 1 :] if block else ():
        for node in ast.walk(later):
            if isinstance(node, ast.Call) and called_name(node) == CHOOSING:
                chosen, axis = _chosen(node)
                if axis is not None and isinstance(chosen, ast.Name) and chosen.id == target.id:
                    return axis, Place(place.file, node.lineno)
        if any(_sets(node, target.id) for node in ast.walk(later)):
            return None
    return None


def cut_at(place: Place) -> tuple[float, Place] | None:
    """The number that what a call gives is compared with by `<` or `>`, and its line; None: none.

    Either within the same statement, or in a later one of the same block, of the variable that the
    statement gives it to and nothing sets anew in between.

    Args:
        place: of the running call, with its columns.
    """
    statement = statement_at(place)
    if statement is None or place.column < 0:
        return None
    for node in ast.walk(statement):
        several, number = _cut(node)
        if several is not None and _is_at(several, place):
            return number, Place(place.file, node.lineno)  # type: ignore[attr-defined]
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    if not isinstance(target, ast.Name) or not _is_at(_bare(statement.value), place):
        return None
    block = block_of(place.file, statement)
    for later in block[block.index(statement) + 1 :] if block else ():
        for node in ast.walk(later):
            several, number = _cut(node)
            if isinstance(several, ast.Name) and several.id == target.id:
                return number, Place(place.file, node.lineno)  # type: ignore[attr-defined]
        if any(_sets(node, target.id) for node in ast.walk(later)):
            return None
    return None


def _cut(node: ast.AST) -> tuple[ast.expr | None, float]:
    """What a comparison holds against a number that is written down, and that number."""
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return None, 0.0
    sides = [node.left, node.comparators[0]]
    numbers = [s.value for s in sides if isinstance(s, ast.Constant)]
    several = [s for s in sides if not isinstance(s, ast.Constant)]
    if len(several) != 1 or type(numbers[0]) not in (int, float):
        return None, 0.0
    if not isinstance(node.ops[0], ast.Gt | ast.GtE | ast.Lt | ast.LtE):
        return None, 0.0
    return _bare(several[0]), float(numbers[0])  # type: ignore[arg-type]


def _bare(value: ast.expr) -> ast.expr:
    """An array without what only changes its shape or its kind of numbers."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if value.func.attr not in SAME_NUMBERS:
            break
        value = value.func.value
    return value


def _chosen(call: ast.Call) -> tuple[ast.expr, int | None]:
    """What an argmax is of, and its axis; None where that is not written down as a number."""
    function, given = call.func, list(call.args)
    of_numpy = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    of_numpy = of_numpy and function.value.id in ("np", "numpy", "torch")  # type: ignore[attr-defined]
    if isinstance(function, ast.Attribute) and not of_numpy:
        given.insert(0, function.value)
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


def _is_whole_value(value: ast.expr, place: Place) -> bool:
    """Whether a statement gives its variable just what the running call gives."""
    return _is_at(value, place)


def _sets(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
