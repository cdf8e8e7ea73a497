"""Names that are known within one function alone, and what the function does with them."""

from __future__ import annotations

import ast

from lamplighter.watch.source.place import Place, function_around, statement_at

# methods that leave a network where it is: what they do to it is lost with it
IN_PLACE = frozenset(
    (
        *("load_state_dict", "eval", "train", "to", "cuda", "cpu", "float", "half"),
        *("requires_grad_", "zero_grad"),
    )
)


def loaded_for_nothing(born: Place | None) -> str:
    """The local name of a new network that a function loads a state into and uses for nothing.

    Args:
        born: the line that made the network.

    Returns:
        The name; empty where the network may be used.
    """
    statement = statement_at(born) if born is not None else None
    if born is None or not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ""
    target = statement.targets[0]
    function = function_around(born.file, statement.lineno, statement.end_lineno or born.line)
    if function is None or not isinstance(target, ast.Name):
        return ""
    if not isinstance(statement.value, ast.Call):
        return ""
    name = target.id
    left_alone: set[ast.AST] = set()
    loads = False
    # whoever only tries whether a file can be loaded prepares nothing for its use
    prepares = any(a.arg == name for a in ast.walk(function) if isinstance(a, ast.arg))
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return ""
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Attribute) and called.attr in IN_PLACE:
                left_alone.add(called.value)
                if _is(called.value, name):
                    loads |= called.attr == "load_state_dict"
                    prepares |= called.attr != "load_state_dict"
    reads = [n for n in ast.walk(function) if _is(n, name) and n not in left_alone]
    unread = all(isinstance(getattr(n, "ctx", None), ast.Store) for n in reads)
    speaks = any(_is_call_of(n, ("locals", "vars", "eval", "exec")) for n in ast.walk(function))
    return name if loads and prepares and unread and not speaks else ""


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_call_of(node: ast.AST, names: tuple[str, ...]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
