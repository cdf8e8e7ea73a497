"""What the source calls a thing that a call makes, also where no variable holds it any more."""

from __future__ import annotations

import ast

from lamplighter.watch.source.place import Place, function_around, statement_at


def made_names(place: Place | None, callee: str = "DataLoader") -> list[str]:
    """Names that the statement at a place gives to what it makes.

    A target of the assignment, a key of the dictionary, a keyword, or the function that returns
    it; failing that, the name of what it is made from.

    Args:
        place: where the call stands; its column tells several calls on one line apart.
        callee: the last part of the name of what is called.
    """
    statement = statement_at(place) if place is not None else None
    if place is None or statement is None:
        return []
    calls = [c for c in ast.walk(statement) if isinstance(c, ast.Call) and _name(c.func) == callee]
    calls = [c for c in calls if (c.lineno, c.col_offset) == (place.line, place.column)] or calls
    if not calls:
        return []
    call = calls[0]
    near = _near(statement, call)
    if near:
        return near
    if isinstance(statement, ast.Return | ast.Expr):
        function = _function_at(place)
        if function and isinstance(statement, ast.Return) and statement.value is call:
            return [function]
    given = call.args[0] if call.args else None
    return [_name(given)] if isinstance(given, ast.Name | ast.Attribute) else []


def _near(node: ast.AST, call: ast.Call) -> list[str]:
    """The name that stands nearest to a call within a statement."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            named = _matched(target, node.value, call)
            if named:
                return named
    if isinstance(node, ast.AnnAssign) and node.value is call:
        return _names(node.target)
    for inner in ast.walk(node):
        if isinstance(inner, ast.keyword) and inner.value is call and inner.arg:
            return [inner.arg]
        if isinstance(inner, ast.Dict):
            for key, value in zip(inner.keys, inner.values, strict=True):
                if value is call and isinstance(key, ast.Constant) and isinstance(key.value, str):
                    return [key.value]
    return []


def _matched(target: ast.expr, value: ast.expr, call: ast.Call) -> list[str]:
    if value is call:
        return _names(target)
    pair = (ast.Tuple, ast.List)
    if isinstance(target, pair) and isinstance(value, pair):
        for one, given in zip(target.elts, value.elts, strict=False):
            if given is call:
                return _names(one)
    return []


def _names(target: ast.expr) -> list[str]:
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return [str(target.slice.value)]
    name = _name(target)
    return [name] if name else []


def _function_at(place: Place) -> str:
    """The innermost function around a line."""
    function = function_around(place.file, place.line, place.line)
    return function.name if function is not None else ""


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
