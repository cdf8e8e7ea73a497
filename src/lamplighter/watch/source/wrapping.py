"""Sums and differences in the user's functions, looked at just before they are computed: T109."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from types import CodeType, FrameType
from typing import Any

import numpy as np
from torch import Tensor

from lamplighter.checks.finding import Finding
from lamplighter.checks.unsigned import wraps_round
from lamplighter.watch.source.place import is_users, statements
from lamplighter.watch.source.statements import called_name

NAMES: dict[type[ast.operator], str] = {ast.Sub: "sub", ast.Add: "add", ast.Mult: "mul"}
CHOOSING = ("where", "minimum", "maximum", "fmin", "fmax", "select", "choose")
UNKNOWN = object()


@cache
def arithmetic_of(code: CodeType) -> dict[int, tuple[ast.BinOp, ...]]:
    """Line → the sums and differences of a function's own that begin a statement there."""
    if not is_users(code.co_filename):
        return {}
    last = max((line for *_, line in code.co_lines() if line), default=code.co_firstlineno)
    found: dict[int, tuple[ast.BinOp, ...]] = {}
    for statement in statements(code.co_filename):
        if not code.co_firstlineno <= statement.lineno <= last:
            continue
        if not isinstance(statement, ast.Assign | ast.AugAssign | ast.Return | ast.Expr):
            continue
        spared = {id(n) for call in _choices(statement) for n in ast.walk(call)}
        parts = [n for n in ast.walk(statement) if isinstance(n, ast.BinOp) and type(n.op) in NAMES]
        parts = [n for n in parts if id(n) not in spared]
        if isinstance(statement, ast.AugAssign) and type(statement.op) in NAMES:
            whole = ast.BinOp(statement.target, statement.op, statement.value)
            parts.append(ast.copy_location(whole, statement))
        if parts and not _is_asked_after(statement, parts, code, last):
            found[statement.lineno] = tuple(parts)
    return found


def _choices(statement: ast.stmt) -> Iterator[ast.Call]:
    """Calls that choose between values: what has wrapped round may well be left out there."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and called_name(node) in CHOOSING:
            yield node


def _is_asked_after(statement: ast.stmt, parts: list[ast.BinOp], code: CodeType, last: int) -> bool:
    """Whether the result is held against what it was made of, as `c[c < a] = 255` does after a sum."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    made = {t.id for t in targets if isinstance(t, ast.Name)}
    of = {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}
    for other in statements(code.co_filename):
        if made and statement.lineno < other.lineno <= last:
            for node in ast.walk(other):
                if isinstance(node, ast.Compare):
                    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                    if names & made and names & of:
                        return True
    return False


@cache  # asked each time that a line runs
def parts_at(code: CodeType, line: int) -> tuple[ast.BinOp, ...]:
    """The sums and differences of the statement on a line; of a − b beside b − a neither."""
    parts = arithmetic_of(code).get(line, ())
    known = {ast.unparse(part) for part in parts}
    return tuple(
        part
        for part in parts
        if ast.unparse(ast.BinOp(part.right, part.op, part.left)) not in known
    )


def wraps_in(frame: FrameType, line: int) -> Iterator[Finding]:
    """What wraps round when the statement on a line is computed; nothing of the user's is called."""
    parts = parts_at(frame.f_code, line)
    names = frame.f_globals | dict(frame.f_locals) if parts else {}
    for part in parts:
        one, other = value_of(part.left, names), value_of(part.right, names)
        if one is not UNKNOWN and other is not UNKNOWN:
            where = f"`{ast.unparse(part)}`"
            yield from wraps_round(NAMES[type(part.op)], one, other, where=where)


def value_of(node: ast.AST, names: dict[str, Any]) -> Any:
    """The value of a plain expression: names, attributes, numbers, and parts of arrays and lists."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id, UNKNOWN)
    if isinstance(node, ast.Attribute):
        owner = value_of(node.value, names)
        kept = getattr(owner, "__dict__", {}) if owner is not UNKNOWN else {}
        return kept.get(node.attr, UNKNOWN)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        one, other = value_of(node.left, names), value_of(node.right, names)
        if type(one) is int and type(other) is int:
            return one + other if isinstance(node.op, ast.Add) else one - other
        return UNKNOWN
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = value_of(node.operand, names)
        return -inner if type(inner) is int else UNKNOWN
    if isinstance(node, ast.Subscript):
        owner, index = value_of(node.value, names), _index_of(node.slice, names)
        if index is UNKNOWN or type(owner) not in (np.ndarray, Tensor, list, tuple, dict):
            return UNKNOWN
        try:
            return owner[index]
        except (IndexError, KeyError, TypeError, ValueError):
            return UNKNOWN
    return UNKNOWN


def _index_of(node: ast.AST, names: dict[str, Any]) -> Any:
    if isinstance(node, ast.Slice):
        ends = [
            None if n is None else value_of(n, names) for n in (node.lower, node.upper, node.step)
        ]
        plain = all(end is None or type(end) is int for end in ends)
        return slice(*ends) if plain else UNKNOWN
    if isinstance(node, ast.Tuple):
        parts = tuple(_index_of(part, names) for part in node.elts)
        return UNKNOWN if any(part is UNKNOWN for part in parts) else parts
    value = value_of(node, names)
    plain = value is None or value is Ellipsis or isinstance(value, int | str | np.integer)
    return value if plain else UNKNOWN
