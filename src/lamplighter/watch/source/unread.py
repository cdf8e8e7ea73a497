"""Local variables of a `forward` that are given a tensor and never read."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lamplighter.watch.source.place import Function, Place, function_of
from lamplighter.watch.source.statements import HIDDEN

# calls that give a number or a shape, or are there for what they do
_NO_TENSORS = frozenset((
    "size", "dim", "ndimension", "numel", "len", "item", "int", "float", "str", "range", "tuple",
    "list", "dict", "next", "getattr", "isinstance", "get_device", "print", "register_hook",
))  # fmt: skip


def forward_of(kind: type) -> tuple[str, Function] | None:
    """The file and source of a class's own `forward`, or None where it is not the user's."""
    code = getattr(kind.__dict__.get("forward"), "__code__", None)
    forward = function_of(code) if code is not None else None
    return (code.co_filename, forward) if code is not None and forward is not None else None


def never_read(kind: type) -> Iterator[tuple[str, Place]]:
    """Variables that `forward` assigns from a call or a tensor, and mentions nowhere else.

    Args:
        kind: class of the user.

    Yields:
        The variable, and the line.
    """
    known = forward_of(kind)
    if known is None:
        return
    file, forward = known
    nodes = list(ast.walk(forward))
    names = [n for n in nodes if isinstance(n, ast.Name)]
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    if read & HIDDEN or any(isinstance(n, ast.Global | ast.Nonlocal) for n in nodes):
        return
    for node in nodes:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target = node.targets[0]
        if not isinstance(target, ast.Name) or target.id in read or target.id.startswith("_"):
            continue
        if _gives_a_tensor(node.value, forward):
            yield target.id, Place(file, node.lineno)


def _gives_a_tensor(value: ast.expr, forward: Function) -> bool:
    """Whether it is one of the arguments, or computed from one by a call of torch or of a layer."""
    given = {a.arg for a in (*forward.args.args, *forward.args.kwonlyargs)} - {"self"}
    if isinstance(value, ast.Name):
        return value.id in given
    if isinstance(value, ast.BinOp):
        return isinstance(value.op, ast.Add) and any(
            isinstance(n, ast.Name) and n.id in given for n in (value.left, value.right)
        )
    if not isinstance(value, ast.Call):
        return False
    function = value.func
    return isinstance(function, ast.Attribute) and function.attr not in _NO_TENSORS
