"""Lists of a walk's figures that begin with a zero which enters their mean: E101."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from lamplighter.checks.tallies import Counted, Wrong, figure_is_wrong, with_one_more
from lamplighter.watch.score.nearness import NUMBER, is_near, shows
from lamplighter.watch.source.place import Place, frames, here, statements
from lamplighter.watch.source.sight import things_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.world import World

TELLING = 2  # printed means that agree


class ListsFromZero:
    """Looks, while the program prints, for lists that hold a walk's batches behind a zero."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hits: dict[str, set[str]] = {}

    def look(self, counted: Counted, text: str) -> None:
        """Compares what is printed with the mean over such a list.

        Args:
            counted: a walk that is over.
            text: what the program prints now.
        """
        printed = NUMBER.findall(text)
        series = [s for s in (counted.shares(), counted.losses) if len(s) == counted.given]
        if not printed or not series or self.world.found("E101"):
            return
        for name, thing in things_in_sight():
            if not isinstance(thing, list) or len(thing) != counted.given + 1:
                continue
            for values in series:
                if _is_behind_a_zero(thing, values):
                    wrong = with_one_more(values, counted, loss=values is counted.losses)
                    self._compare(name, wrong, printed, counted)

    def _compare(self, name: str, wrong: Wrong, printed: list[str], counted: Counted) -> None:
        shown = {n for n in printed if shows(n, wrong.value) or shows(n, 100 * wrong.value)}
        total = wrong.value * (counted.given + 1)
        # the length of the loader is a right divisor of a walk that was ended here, too
        means = [total / size for size in (counted.given, counted.batches) if size]
        if not shown or any(shows(n, s * v) for n in printed for v in means for s in (1, 100)):
            return
        hits = self.hits.setdefault(name, set())
        hits |= shown
        if len(hits) >= TELLING and not self.world.found("E101"):
            self.world.adopt(figure_is_wrong(name, wrong, counted), _made_at(name) or here())


def _is_behind_a_zero(thing: list[Any], values: list[float]) -> bool:
    if type(thing[0]) not in (int, float) or thing[0] != 0 or values[0] == 0:
        return False
    try:
        held = [float(value) for value in thing[1:]]
    except (TypeError, ValueError):
        return False
    pairs = zip(held, values, strict=True)
    return all(a == b == 0 or is_near(a, b) or is_near(a, 100 * b) for a, b in pairs)


def _made_at(name: str) -> Place | None:
    """The statement that makes a list with nothing in it but a zero, by this name where several do."""
    found: list[tuple[bool, Place]] = []
    for file in dict.fromkeys(frame.f_code.co_filename for frame in frames()):
        for node in statements(file):
            if not isinstance(node, ast.Assign | ast.AnnAssign | ast.Return) or node.value is None:
                continue
            if any(_is_zero_alone(inner) for inner in ast.walk(node.value)):
                words = [n for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)]
                named = any(getattr(w, "id", getattr(w, "attr", "")) == name for w in words)
                found.append((named, Place(file, node.lineno)))
    best = [place for named, place in found if named] or [place for _, place in found]
    return best[0] if best else None


def _is_zero_alone(node: ast.AST) -> bool:
    if not isinstance(node, ast.List) or len(node.elts) != 1:
        return False
    only = node.elts[0]
    return isinstance(only, ast.Constant) and type(only.value) in (int, float) and only.value == 0
