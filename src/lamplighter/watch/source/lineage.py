"""Which statements of the user's source the data of a loader came through, newest first."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lamplighter.watch.source.place import Place, statement_at, tree_of
from lamplighter.watch.source.statements import called_name

MOST = 80  # statements that are followed back
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
        called: statements of the user's own functions that made the data.
        made: the statement that builds the data set, or else the loader.
    """

    file: str
    made: int
    links: list[Link] = field(default_factory=list)
    inputs: list[Link] = field(default_factory=list)
    labels: list[Link] = field(default_factory=list)
    inside: list[Link] = field(default_factory=list)
    called: list[Link] = field(default_factory=list)


def lineage_of(
    place: Place, argument: str = "dataset", classes: Sequence[str] = ()
) -> Lineage | None:
    """Follows the data back from the line that builds a loader.

    Args:
        place: where the `DataLoader` was built.
        argument: "dataset", or another argument of the loader such as "sampler".
        classes: names of the user's classes that read the samples, where they are known.
    """
    tree, statement = tree_of(place.file), statement_at(place)
    if tree is None or statement is None:
        return None
    calls = [c for c in _calls(statement) if called_name(c).endswith("DataLoader")]
    calls = _calls_at(tree, place) or calls
    given = _argument(calls[0], argument) if calls else None
    if given is None:
        return None
    source = _Source(tree, place)
    links = source.back(given, statement.lineno)
    built = _builder(given, calls[0].lineno, links)
    found = Lineage(place.file, built[1], links)
    arguments = [a for a in _given(built[0]) if not isinstance(a, ast.Constant)]
    if arguments and argument == "dataset":
        found.inputs = source.back(arguments[0], built[1])
        found.labels = source.back(arguments[-1], built[1]) if len(arguments) > 1 else []
    kinds = {called_name(c) for link in [Link(0, (given,)), *links] for c in _calls_of(link)}
    found.inside = _inside(tree, kinds | set(classes))
    found.called = _called(tree, [Link(0, (given,)), *links])
    return found


def lineage_of_call(place: Place, loss: Place | None, classes: Sequence[str] = ()) -> Lineage:
    """Follows the data back from the line that gives them to a network.

    Args:
        place: where the network was called.
        loss: where the loss was called; its last argument leads to the labels.
        classes: names of the user's classes that read the samples, where they are known.
    """
    found = Lineage(place.file, place.line)
    tree, statement = tree_of(place.file), statement_at(place)
    if tree is None or statement is None:
        return found
    call = next((c for c in _calls_at(tree, place) if c.args), None)
    source = _Source(tree, place)
    found.inputs = source.back(call.args[0] if call is not None else statement, place.line)
    found.links = list(found.inputs)
    other = statement_at(loss) if loss is not None and loss.file == place.file else None
    if other is not None and loss is not None:
        losses = [c for c in _calls_at(tree, loss) if len(c.args) > 1]
        given: ast.AST = losses[0].args[1] if losses else other
        found.labels = _Source(tree, loss).back(given, loss.line)
        known = {link.line for link in found.links}
        found.links += [link for link in found.labels if link.line not in known]
    found.inside = _inside(tree, set(classes))
    found.called = _called(tree, found.links)
    return found


def lineage_of_name(name: str, place: Place) -> Lineage:
    """Follows a variable back from a line on which it is known.

    Args:
        name: as the program calls it, dotted where it is an attribute.
        place: a line within its scope.
    """
    found = Lineage(place.file, place.line)
    tree = tree_of(place.file)
    base = name if name.startswith("self.") else name.partition(".")[0]
    if tree is None or not base.replace(".", "").isidentifier():
        return found
    found.links = found.inputs = _Source(tree, place).back(ast.parse(base).body[0], place.line)
    found.made = found.links[0].line if found.links else place.line
    found.called = _called(tree, found.links)
    return found


def names_given(place: Place) -> list[str]:
    """Names that a call's first argument is made from, through the parameters that led to it."""
    lineage = lineage_of_call(place, None)
    tree = tree_of(place.file)
    calls = _calls_at(tree, place) if tree is not None else []
    names = [n for call in calls[:1] for a in call.args[:1] for n in _names(a)]
    for link in lineage.inputs:
        names += [n for part in link.parts for n in _names(part)]
    return [name.removeprefix("self.") for name in dict.fromkeys(names)]


def _inside(tree: ast.Module, kinds: set[str]) -> list[Link]:
    """The statements of these classes."""
    found: list[Link] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in kinds:
            inner = [n for n in ast.walk(node) if isinstance(n, ast.stmt) and not _is_block(n)]
            found += [Link(n.lineno, (n,)) for n in sorted(inner, key=lambda n: n.lineno)]
    return found


def _builder(given: ast.expr, line: int, links: list[Link]) -> tuple[ast.AST, int]:
    """The call that builds the data set itself, and the line of its outermost wrapper."""
    expression: ast.AST = given
    if isinstance(given, ast.Name | ast.Attribute) and links:
        expression, line = links[0].parts[0], links[0].line
    made = line
    while isinstance(expression, ast.Call) and called_name(expression) in (
        "Subset",
        "random_split",
    ):
        inner = expression.args[0] if expression.args else None
        if not isinstance(inner, ast.Call):
            break
        expression = inner
    return expression, made


class _Source:
    """Assignments of one file by scope.

    Args:
        tree: of the file.
        way: where a thing was made, and how the program came there.
    """

    def __init__(self, tree: ast.Module, way: Place) -> None:
        self.tree = tree
        self.way = [place for place in (way, *way.outer) if place.file == way.file]
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
        if name.startswith("self."):
            return self._attributes(name[5:], before)
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
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
                links += self._given_from_outside(scope, name)
            if links:
                return links
        return []

    def _given_from_outside(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str
    ) -> list[Link]:
        """What the caller gave for a parameter, where the way into the function is known."""
        named = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        if name not in [*named, *(a.arg for a in function.args.kwonlyargs)]:
            return []
        end = function.end_lineno or function.lineno
        for place, caller in pairwise(self.way):
            if not function.lineno <= place.line <= end:
                continue
            statement = statement_at(caller)
            calls = _calls(statement) if statement is not None else []
            calls = _calls_at(self.tree, caller) or calls[:1]
            for call in calls[:1]:
                by_name = next((k.value for k in call.keywords if k.arg == name), None)
                at = named.index(name) if name in named else -1
                at -= named[:1] == ["self"]
                given = by_name or (call.args[at] if 0 <= at < len(call.args) else None)
                return [Link(caller.line, (given,))] if given is not None else []
        return []

    def _attributes(self, attribute: str, before: int) -> list[Link]:
        """Where the class around a line gives itself an attribute."""
        classes = [n for n in ast.walk(self.tree) if isinstance(n, ast.ClassDef)]
        around = [n for n in classes if n.lineno < before <= (n.end_lineno or n.lineno)]
        links = []
        for statement in (s for c in around[-1:] for s in ast.walk(c) if isinstance(s, ast.Assign)):
            for target in statement.targets:
                if isinstance(target, ast.Attribute) and target.attr == attribute:
                    links.append(Link(statement.lineno, (statement.value,)))
                elif isinstance(target, ast.Tuple | ast.List):
                    mine = [e for e in target.elts if isinstance(e, ast.Attribute)]
                    if any(e.attr == attribute for e in mine):
                        links.append(Link(statement.lineno, (statement.value,)))
        return links


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
        if called_name(call) == "shuffle" and call.args and _base(call.args[0]) == name:
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
    names = []
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            names.append(inner.id)
        elif isinstance(inner, ast.Attribute) and ast.unparse(inner.value) == "self":
            names.append(f"self.{inner.attr}")
    return list(dict.fromkeys(names))


def _base(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _calls(node: ast.AST) -> list[ast.Call]:
    return [n for n in ast.walk(node) if isinstance(n, ast.Call)]


def _calls_at(tree: ast.Module, place: Place) -> list[ast.Call]:
    """The call that runs at a place."""
    at = (place.line, place.column)
    found = [c for c in _calls(tree) if (c.lineno, c.col_offset) == at]
    return [c for c in found if c.end_col_offset == place.end] or found[-1:]


def _called(tree: ast.Module, links: list[Link]) -> list[Link]:
    """The statements of the file's own functions that a way of data leads through."""
    kinds = {called_name(call) for link in links for call in _calls_of(link)}
    found: list[Link] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in kinds:
            rows = [s for s in _own_statements(node) if not _is_block(s)]
            found += [Link(s.lineno, (s,)) for s in sorted(rows, key=lambda s: -s.lineno)]
    return found[:MOST]


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
