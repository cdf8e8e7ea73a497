"""Loops that count right answers, and what their number is divided by afterwards."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from lamplighter.watch.source.place import tree_of

LOOPS = (ast.For, ast.AsyncFor, ast.While)
AVERAGING = ("mean", "average", "accuracy", "score")


@dataclass(frozen=True, slots=True)
class Counting:
    """`hits += (answers == labels).sum()` in a loop, and `hits / divisor` after it.

    Args:
        first, last: lines of the loop.
        line: of the division.
        divisor: its right side.
    """

    first: int
    last: int
    line: int
    divisor: ast.expr


@cache
def countings(file: str) -> tuple[Counting, ...]:
    """Every such loop of a file whose divisor is a length, or a number that the loop leaves alone."""
    tree = tree_of(file)
    scopes = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)] if tree else []
    found: dict[tuple[int, int], Counting] = {}
    for scope in (tree, *scopes) if tree is not None else ():
        for loop in ast.walk(scope):
            if isinstance(loop, LOOPS):
                for one in _of(loop, scope):
                    found[one.first, one.line] = one
    return tuple(found.values())


def _of(loop: ast.For | ast.AsyncFor | ast.While, scope: ast.AST) -> Iterator[Counting]:
    body = [*loop.body]
    for inner in loop.body:
        body += inner.body if isinstance(inner, ast.With) else []
    counted = {ast.unparse(n.target) for n in body if isinstance(n, ast.AugAssign) and _counts(n)}
    last = loop.end_lineno or loop.lineno
    stored = {n.id for n in ast.walk(loop) if isinstance(n, ast.Name) and _is_set(n)}
    made: dict[str, ast.expr] = {}  # names that get their value after the loop
    later: list[Any] = [n for n in ast.walk(scope) if getattr(n, "lineno", 0) > last and counted]
    for node in sorted(later, key=lambda n: (n.lineno, n.col_offset)):
        targets = node.targets if isinstance(node, ast.Assign) else ()
        if counted & {ast.unparse(n) for target in targets for n in ast.walk(target)}:
            return  # counted anew, as in a second evaluation of the same source
        made |= {n.id: node.value for n in targets if isinstance(n, ast.Name)}
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div):
            continue
        over = {
            ast.unparse(n) for n in ast.walk(node.left) if isinstance(n, ast.Name | ast.Attribute)
        }
        divisor = made.get(node.right.id) if isinstance(node.right, ast.Name) else None
        divisor = divisor or node.right
        names = {n.id for n in ast.walk(divisor) if isinstance(n, ast.Name)}
        if over & counted and not names & (stored | made.keys()):
            yield Counting(loop.lineno, last, node.lineno, divisor)
            return


def _is_set(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _counts(node: ast.AugAssign) -> bool:
    """Whether a statement adds up plain comparisons, each of which counts once."""
    if not isinstance(node.op, ast.Add):
        return False
    inside = list(ast.walk(node.value))
    equal = [n for n in inside if isinstance(n, ast.Compare)]
    if len(equal) != 1 or not isinstance(equal[0].ops[0], ast.Eq):
        return False
    called = [ast.unparse(n.func).rpartition(".")[2] for n in inside if isinstance(n, ast.Call)]
    masked = any(isinstance(n, ast.Subscript) and equal[0] in ast.walk(n.value) for n in inside)
    plain = not masked and not any(isinstance(n, ast.BinOp | ast.BoolOp) for n in inside)
    return plain and not any(word in name for name in called for word in AVERAGING)
