"""The line that makes what a call is given, where the mistake is there and not in the call."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable

from torch import nn

from lamplighter.watch.source.place import (
    Place,
    function_around,
    statement_at,
    statements,
    tree_of,
)
from lamplighter.watch.source.statements import called_name

RENAMING = (
    *(ast.Name, ast.Subscript, ast.Attribute, ast.Slice, ast.UnaryOp, ast.USub, ast.Constant),
    *(ast.Load, ast.Tuple),
)
ANSWER = re.compile(r"pred|hat|output|answer|guess|said|decid|estimat", re.I)
TRUTH = re.compile(
    r"true|truth|test|val|dev|label|target|gold|actual|goal|right|(^|_)(y|gt)(_|$)", re.I
)
SQUASHES = ("softmax", "sigmoid", "Softmax", "Sigmoid")


def made_by_softmax(value: ast.AST) -> bool:
    """An assigned value that ends in probabilities."""
    inner = value.elts if isinstance(value, ast.Tuple) else [value]
    return any(isinstance(n, ast.Call) and called_name(n) in SQUASHES for n in inner)


def only_renamed(value: ast.AST) -> bool:
    """An assigned value that is another variable, whole, in part or copied: nothing computes it."""
    inner = value.elts if isinstance(value, ast.Tuple) else [value]
    copies = ("clone", "detach", "to", "long", "cuda", "copy")
    for part in inner:
        for node in ast.walk(part):
            called = isinstance(node, ast.Call) and called_name(node) in copies
            if not called and not isinstance(node, RENAMING):
                return False
    return True


def line_of_argument(
    place: Place | None, position: int, keyword: str, sign: Callable[[ast.AST], bool]
) -> Place | None:
    """Where the variable that a call is given was last assigned, if the assignment bears a sign.

    Args:
        place: the line of the call; it is the answer where there is no better one.
        position: of the argument.
        keyword: its name, if it is given by name.
        sign: of the assigned value.
    """
    tree = tree_of(place.file) if place is not None else None
    if place is None or tree is None:
        return place
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and n.lineno == place.line]
    for call in calls:
        given = next((k.value for k in call.keywords if k.arg == keyword), None)
        if given is None and len(call.args) > position:
            given = call.args[position]
        name = _variable(given)
        line = _assigned(tree, place, name, sign) if name else None
        if line is not None:
            return Place(place.file, line)
    return place


def line_without_batch_first(place: Place | None, model: nn.Module) -> Place | None:
    """Where a layer is made that takes time in dimension 0, if the call at a place leads to it.

    Args:
        place: a line within the network's own code.
        model: the network.
    """
    tree = tree_of(place.file) if place is not None else None
    if place is None or tree is None:
        return place
    called = {
        n.func.attr
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and n.lineno == place.line and isinstance(n.func, ast.Attribute)
    }
    parts = [child for name, child in model.named_children() if name in called]
    inner = [m for part in parts for m in part.modules()]
    kinds = {type(m).__name__ for m in inner if _takes_time_first(m)}
    made = [
        n.lineno
        for n in ast.walk(tree)
        if isinstance(n, ast.Call)
        and called_name(n) in kinds
        and not any(k.arg in ("batch_first", None) for k in n.keywords)
    ]
    return Place(place.file, made[0]) if len(made) == 1 else place


def _takes_time_first(module: nn.Module) -> bool:
    """Whether a layer of torch that can be told `batch_first` was not."""
    if "batch_first" not in inspect.signature(type(module).__init__).parameters:
        return False
    return any(getattr(part, "batch_first", True) is False for part in module.modules())


def line_of_averaging(files: list[str]) -> Place | None:
    """The only loop of these files over `zip(one.parameters(), other.parameters())`, or None."""
    found = []
    for file in dict.fromkeys(files):
        for node in statements(file):
            if isinstance(node, ast.For) and isinstance(node.iter, ast.Call):
                given = [n for n in node.iter.args if isinstance(n, ast.Call)]
                walked = [called_name(n) for n in given]
                if called_name(node.iter) == "zip" and walked == ["parameters", "parameters"]:
                    found.append(Place(file, node.lineno))
    return found[0] if len(found) == 1 else None


def number_given(place: Place | None, kind: str, keyword: str) -> str:
    """The variable that a layer on a line is given first, as it is written; empty: no plain one.

    Args:
        place: where the layer is made.
        kind: how the name of its class begins.
        keyword: the name of the argument.
    """
    tree = tree_of(place.file) if place is not None else None
    written = set()
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, ast.Call) or not called_name(node).startswith(kind):
            continue
        if place is None or not node.lineno <= place.line <= (node.end_lineno or node.lineno):
            continue
        given = next((k.value for k in node.keywords if k.arg == keyword), None)
        given = node.args[0] if given is None and node.args else given
        plain = isinstance(given, ast.Name | ast.Attribute | ast.Subscript)
        written.add(ast.unparse(given) if plain and given is not None else "")
    return written.pop() if len(written) == 1 else ""


def are_called_otherwise(name: str, place: Place | None) -> bool:
    """Whether a score is given first what is called an answer, and then what is called the truth.

    Args:
        name: of the score.
        place: the line of the call.
    """
    statement = statement_at(place) if place is not None else None
    for node in ast.walk(statement) if statement is not None else ():
        if not isinstance(node, ast.Call) or called_name(node) != name:
            continue
        named = {k.arg: k.value for k in node.keywords}
        first, second = (
            named.get(keyword, node.args[number] if len(node.args) > number else None)
            for number, keyword in enumerate(("y_true", "y_pred"))
        )
        if first is None or second is None:
            continue
        one, other = ast.unparse(first), ast.unparse(second)
        if ANSWER.search(one) and not ANSWER.search(other) and TRUTH.search(other):
            return True
    return False


def _variable(node: ast.AST | None) -> str:
    """`targets` of `targets.flatten()`."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            return ""
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _assigned(
    tree: ast.Module, place: Place, name: str, sign: Callable[[ast.AST], bool]
) -> int | None:
    scope: ast.AST = function_around(place.file, place.line, place.line) or tree
    best: ast.Assign | None = None
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and node.lineno < place.line:
            names = {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            if name in names and (best is None or node.lineno > best.lineno):
                best = node
    return best.lineno if best is not None and sign(best.value) else None
