"""Scores that are computed after the loop from what its last round left behind: E101."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lamplighter.watch.source.place import Place, frames, function_around, locals_of, tree_of
from lamplighter.watch.source.statements import called_name

LOOPS = (ast.For, ast.AsyncFor)


def scored_after_the_loop(answers: Sequence[Tensor], labels: Sequence[Tensor]) -> Place | None:
    """Where a loop overwrites its answers, of which those of the last batch alone are scored.

    To be asked at the end of a walk, while the function that walks is running.

    Args:
        answers: class numbers of each batch.
        labels: the same of what is right.

    Returns:
        The line within the loop that puts the answers into their variable; None where the
        variable holds other things than the last batch, or nothing compares it with the labels
        after the loop.
    """
    if len(answers) < 2:
        return None
    return _held_together_after(
        lambda thing: _holds(thing, answers[-1]), lambda thing: _holds(thing, labels[-1]), _compares
    )


def counted_after_the_loop(
    is_answer: Callable[[Any], bool], is_label: Callable[[Any], bool]
) -> Place | None:
    """The same where just `answers == labels` stands behind the loop, and is summed or averaged there.

    Args:
        is_answer: whether a variable holds what a network has answered.
        is_label: whether it came with the last batch.
    """
    return _held_together_after(is_answer, is_label, _counts)


def _held_together_after(
    is_answer: Callable[[Any], bool],
    is_label: Callable[[Any], bool],
    joins: Callable[[ast.AST, str, str], bool],
) -> Place | None:
    frame = next(frames(), None)
    tree = tree_of(frame.f_code.co_filename) if frame is not None else None
    loop = _loop_at(tree, frame.f_lineno) if frame is not None and tree is not None else None
    if frame is None or tree is None or loop is None:
        return None
    space = locals_of(frame)
    assigned = _assigned_in(loop)
    left = [name for name in assigned if is_answer(space.get(name))]
    right = [name for name in assigned if is_label(space.get(name))]
    for statement in _after(frame.f_code.co_filename, tree, loop):
        for name in left:
            if any(joins(node, name, other) for node in ast.walk(statement) for other in right):
                return Place(frame.f_code.co_filename, assigned[name])
    return None


def _loop_at(tree: ast.Module, line: int) -> ast.For | ast.AsyncFor | None:
    around = [
        n
        for n in ast.walk(tree)
        if isinstance(n, LOOPS) and n.lineno <= line <= (n.end_lineno or n.lineno)
    ]
    return max(around, key=lambda n: n.lineno, default=None)


def _assigned_in(loop: ast.For | ast.AsyncFor) -> dict[str, int]:
    """Variables that each round of a loop sets anew, with the line."""
    found = {n.id: loop.lineno for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
    grown = set()
    for node in ast.walk(loop):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names = [n for n in ast.walk(target) if isinstance(n, ast.Name)]
                found |= {n.id: node.lineno for n in names if isinstance(n.ctx, ast.Store)}
                # `preds = preds + new` grows
                inside = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
                grown |= {n.id for n in names if n.id in inside}
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            grown.add(node.target.id)
    return {name: line for name, line in found.items() if name not in grown}


def _holds(thing: Any, values: Tensor) -> bool:
    """Whether a variable is a row of just these class numbers."""
    if not isinstance(thing, list | np.ndarray | Tensor):
        return False
    if isinstance(thing, list) and len(thing) != len(values):
        return False
    try:
        held = torch.as_tensor(thing).detach().cpu().reshape(-1)
    except (TypeError, ValueError, RuntimeError):
        return False
    return held.shape == values.shape and bool((held == values.cpu()).all())


def _after(file: str, tree: ast.Module, loop: ast.For | ast.AsyncFor) -> list[ast.stmt]:
    """The statements behind a loop, in the function or module that it belongs to."""
    end = loop.end_lineno or loop.lineno
    scope: ast.AST = function_around(file, loop.lineno, end) or tree
    outer = [
        n
        for n in ast.walk(scope)
        if isinstance(n, LOOPS) and n.lineno < loop.lineno and (n.end_lineno or 0) >= end
    ]
    inside = max(outer, key=lambda n: n.lineno, default=scope)
    return [n for n in ast.walk(inside) if isinstance(n, ast.stmt) and n.lineno > end]


def _compares(node: ast.AST, one: str, other: str) -> bool:
    """`accuracy_score(golds, preds)` or `preds == golds`."""
    if one == other:
        return False
    if isinstance(node, ast.Call):
        given = [*node.args, *(k.value for k in node.keywords)]
        names = {n.id for n in given if isinstance(n, ast.Name)}
        return {one, other} <= names
    if isinstance(node, ast.Compare):
        return {one, other} <= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return False


def _counts(node: ast.AST, one: str, other: str) -> bool:
    """`(preds == golds).sum()`, with `mean()` or `sum(…)` likewise."""
    if not isinstance(node, ast.Call) or called_name(node) not in ("sum", "mean"):
        return False
    inside = [n for n in ast.walk(node) if isinstance(n, ast.Compare) and _asks_equality(n)]
    return any(_compares(compare, one, other) for compare in inside)


def _asks_equality(node: ast.Compare) -> bool:
    return len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq)
