"""Which statements of the user's source the data of a loader came through, newest first."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from lamplighter.watch.place import Place, statement_at, tree_of

MOST = 80  # statements that are followed back
SETS = ("DataLoader", "Subset", "TensorDataset", "ConcatDataset", "random_split")
IN_PLACE = (
    "append",
    "extend",
    "insert",
    "sort",
    "reverse",
    "update",
    "add_",
    "sub_",
    "div_",
    "mul_",
)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True)
class Link:
    """One statement, with those of its expressions that matter, and the name that they go into."""

    line: int
    parts: tuple[ast.AST, ...]
    name: str = ""

    def nodes(self) -> Iterator[ast.AST]:
        """All nodes of these expressions."""
        for part in self.parts:
            yield from ast.walk(part)


@dataclass
class Lineage:
    """Where the data of one loader come from.

    Args:
        file: the user's source.
        links: every statement on the way, newest first.
        inputs: those that the inputs alone, or inputs and labels, came through.
        labels: the same of the labels.
        inside: statements of the user's own data set class.
        made: the statement that builds the data set, or else the loader.
    """

    file: str
    made: int
    links: list[Link] = field(default_factory=list)
    inputs: list[Link] = field(default_factory=list)
    labels: list[Link] = field(default_factory=list)
    inside: list[Link] = field(default_factory=list)


def lineage_of(place: Place, argument: str = "dataset") -> Lineage | None:
    """Follows the data back from the line that builds a loader.

    Args:
        place: where the `DataLoader` was built.
        argument: "dataset", or another argument of the loader such as "sampler".
    """
    tree, statement = tree_of(place.file), statement_at(place)
    if tree is None or statement is None:
        return None
    call = next((c for c in _calls(statement) if _name(c.func).endswith("DataLoader")), None)
    given = None if call is None else _argument(call, argument)
    if given is None:
        return None
    source = _Source(tree)
    links = source.back(given, statement.lineno)
    built = _builder(given, statement.lineno, links)
    found = Lineage(place.file, built[1], links)
    arguments = [a for a in _given(built[0]) if not isinstance(a, ast.Constant)]
    if arguments and argument == "dataset":
        found.inputs = source.back(arguments[0], built[1])
        found.labels = source.back(arguments[-1], built[1]) if len(arguments) > 1 else []
    kinds = {_name(c.func) for link in [Link(0, (given,)), *links] for c in _calls_of(link)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in kinds:
            inner = [n for n in ast.walk(node) if isinstance(n, ast.stmt) and not _is_block(n)]
            found.inside += [Link(n.lineno, (n,)) for n in sorted(inner, key=lambda n: n.lineno)]
    return found


def _builder(given: ast.expr, line: int, links: list[Link]) -> tuple[ast.AST, int]:
    """The call that builds the data set itself, and the line of its outermost wrapper."""
    expression: ast.AST = given
    if isinstance(given, ast.Name) and links:
        expression, line = links[0].parts[0], links[0].line
    made = line
    while isinstance(expression, ast.Call) and _name(expression.func) in ("Subset", "random_split"):
        inner = expression.args[0] if expression.args else None
        if not isinstance(inner, ast.Call):
            break
        expression = inner
    return expression, made


class _Source:
    """Assignments of one file by scope."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.functions = [
            n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        ]

    def back(self, start: ast.AST, line: int) -> list[Link]:
        """The statements behind an expression that stands on a line."""
        found: dict[int, Link] = {}
        todo = [(name, line) for name in _names(start)]
        known = set(todo)
        while todo and len(found) < MOST:
            name, before = todo.pop(0)
            for link in self._assignments(name, before):
                kept = found.get(link.line)
                parts = (*kept.parts, *link.parts) if kept else link.parts
                found[link.line] = Link(link.line, tuple(dict.fromkeys(parts)), name)
                for inner in (n for part in link.parts for n in _names(part)):
                    if (inner, link.line) not in known:
                        known.add((inner, link.line))
                        todo.append((inner, link.line))
        return list(found.values())

    def _assignments(self, name: str, before: int) -> list[Link]:
        """The newest plain assignment to a name, and what altered it in place since."""
        inner = [f for f in self.functions if f.lineno < before <= (f.end_lineno or f.lineno)]
        scopes: list[tuple[ast.AST, float]] = [(f, before) for f in reversed(inner)]
        scopes.append((self.tree, float("inf") if inner else before))
        for scope, limit in scopes:
            links: list[Link] = []
            rows = [s for s in _own_statements(scope) if s.lineno < limit]
            for statement in sorted(rows, key=lambda s: -s.lineno):
                parts, plain = _gives(statement, name)
                if parts:
                    links.append(Link(statement.lineno, parts))
                if plain:
                    break
            if links:
                return links
        return []


def _gives(statement: ast.stmt, name: str) -> tuple[tuple[ast.AST, ...], bool]:
    """What a statement puts into a name, and whether it replaces what was there."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name) and target.id == name:
                return (statement.value,), True
            if isinstance(target, ast.Tuple | ast.List) and name in _names(target):
                return _matching(target, statement.value, name), True
            if isinstance(target, ast.Subscript) and name == _base(target):
                return (statement.value, target.slice), False
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        if isinstance(statement.target, ast.Name) and statement.target.id == name:
            return (statement.value,), True
    elif isinstance(statement, ast.AugAssign) and _base(statement.target) == name:
        whole = ast.BinOp(ast.Name(name, ast.Load()), statement.op, statement.value)
        return (whole,), False
    elif isinstance(statement, ast.For) and name in _names(statement.target):
        return (statement.iter,), False
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        on_itself = isinstance(call.func, ast.Attribute) and _base(call.func.value) == name
        if on_itself and call.func.attr in IN_PLACE:  # type: ignore[attr-defined]
            return (call,), False
        if _name(call.func) == "shuffle" and call.args and _base(call.args[0]) == name:
            return (call,), False
    return (), False


def _matching(target: ast.Tuple | ast.List, value: ast.expr, name: str) -> tuple[ast.AST, ...]:
    """Of `a, b = c, d` the part that goes into one name."""
    if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
        pairs = zip(target.elts, value.elts, strict=True)
        return tuple(given for one, given in pairs if name in _names(one))
    return (value,)


def _own_statements(scope: ast.AST) -> Iterator[ast.stmt]:
    """Statements of a scope without those of the functions and classes within."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, SCOPES):
            yield from _own_statements(node)


def _names(node: ast.AST) -> list[str]:
    """Names that an expression reads; called functions and modules among them do no harm."""
    return list(dict.fromkeys(n.id for n in ast.walk(node) if isinstance(n, ast.Name)))


def _base(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _name(function: ast.AST) -> str:
    """The last part of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _calls(node: ast.AST) -> list[ast.Call]:
    return [n for n in ast.walk(node) if isinstance(n, ast.Call)]


def _calls_of(link: Link) -> list[ast.Call]:
    return [n for n in link.nodes() if isinstance(n, ast.Call)]


def _argument(call: ast.Call, name: str) -> ast.expr | None:
    named = next((k.value for k in call.keywords if k.arg == name), None)
    if named is None and name == "dataset" and call.args:
        return call.args[0]
    return named


def _given(node: ast.AST) -> list[ast.expr]:
    if not isinstance(node, ast.Call):
        return []
    return [*node.args, *(k.value for k in node.keywords if k.arg)]


def _is_block(node: ast.stmt) -> bool:
    return bool(getattr(node, "body", None))
