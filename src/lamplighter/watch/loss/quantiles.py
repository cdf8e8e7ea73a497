"""Quantile losses of the program's own, by their slopes and by the levels that they name: L118."""

from __future__ import annotations

import ast
import weakref
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lamplighter.checks.quantiles import quantile_is_its_counterpart
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.graphs import is_loss, slopes_at
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import is_weight, shallow
from lamplighter.watch.source.place import Place, locals_of, statement_at, user_frame

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 200  # backward passes with such a loss that are read
SURE = 3  # of them must show it
MOST = 32  # differences of one loss
Levels = tuple[tuple[float, ...], ...]  # each for all columns, or one for each
TURNING = frozenset(("neg", "relu", "clamp", "clamp_min", "maximum", "max", "abs"))


class Quantiles(Watcher):
    """Follows differences to the products with two numbers, and asks the graph for their slopes."""

    codes = ("L118",)
    operations = TURNING | {"sub", "rsub", "mul"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.differences: ByIdentity[tuple[weakref.ref[Tensor], int]] = ByIdentity()
        self.products: list[tuple[Tensor, int, Levels, Place | None]] = []
        self.looks = 0
        self.hits = Often(SURE)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.looks >= LOOKS or not isinstance(result, Tensor) or not result.requires_grad:
            return
        given = list(shallow((*args, *kwargs.values())))
        if name in ("sub", "rsub") and len(given) == 2 and result.dim():
            if given[0].requires_grad != given[1].requires_grad and not any(map(is_weight, given)):
                # +1 where a larger answer makes the difference larger
                first = given[0].requires_grad
                self.differences[result] = (
                    weakref.ref(result),
                    1 if first == (name == "sub") else -1,
                )
        elif name in TURNING and given and (known := self.differences.get(given[0])):
            self.differences[result] = known
        elif name == "mul":
            known = next((d for t in given if (d := self.differences.get(t)) is not None), None)
            difference = known[0]() if known is not None else None
            if known is not None and difference is not None and len(self.products) < MOST:
                self.products.append((difference, known[1], *_levels_named()))

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        products, self.products = self.products, []
        root = roots[0]
        named: dict[int, set[tuple[float, ...]]] = {}
        for difference, _, levels, _ in products:
            named.setdefault(id(difference), set()).update(levels)
        products = [one for one in products if named[id(one[0])]]
        if not products or not is_loss(root) or self.looks >= LOOKS:
            return
        self.looks += 1
        several = {id(one[0]): one for one in products}
        slopes = slopes_at(root, [difference for difference, *_ in several.values()])
        for (difference, sign, _, place), slope in zip(several.values(), slopes, strict=True):
            if slope is not None and self._shows(
                difference, sign, slope, named[id(difference)], place
            ):
                return

    def _shows(
        self,
        difference: Tensor,
        sign: int,
        slope: Tensor,
        named: set[tuple[float, ...]],
        place: Place | None,
    ) -> bool:
        real = _levels_of(difference.detach(), slope, sign)
        for number, level in real.items():
            rows = [q for q in named if len(q) in (1, difference.shape[-1])]
            own = sorted(q[number] if len(q) > 1 else q[0] for q in rows)
            several = any(len(q) > 1 for q in rows)
            found = list(quantile_is_its_counterpart(level, own, certain=several))
            if found:
                if self.hits.again():
                    self.world.adopt(found, place)
                return True
        return False


def _levels_of(difference: Tensor, slope: Tensor, sign: int) -> dict[int, float]:
    """The quantile of each column to which two constant slopes lead."""
    if difference.dim() < 2 or difference.shape[-1] > 64:
        difference, slope = difference.reshape(-1, 1), slope.reshape(-1, 1)
    columns, slopes = difference.flatten(0, -2), slope.flatten(0, -2)
    found: dict[int, float] = {}
    for number, (column, own) in enumerate(zip(columns.T, slopes.T, strict=True)):
        above, below = own[column > 0], own[column < 0]
        if above.numel() < 2 or below.numel() < 2:
            continue
        up, down = float(above[0]), float(below[0])
        if not up > 0 > down or float((above - up).abs().max()) > 1e-4 * up:
            continue
        if float((below - down).abs().max()) > -1e-4 * down:
            continue
        share = up / (up - down)
        found[number] = 1 - share if sign > 0 else share
    return found


def _levels_named() -> tuple[Levels, Place | None]:
    """The numbers between 0 and 1 that the factors of the running statement name."""
    frame = user_frame(3)
    if frame is None:
        return (), None
    place = Place.of(frame)
    statement = statement_at(place)
    found: list[tuple[float, ...]] = []
    space = frame.f_globals | locals_of(frame)
    for node in ast.walk(statement) if statement is not None else ():
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
            continue
        for side in (node.left, node.right):
            for inner in ast.walk(side):
                if numbers := _numbers(_value(inner, space)):
                    found.append(numbers)
    return tuple(dict.fromkeys(found)), place


def _value(node: ast.AST, space: dict[str, Any]) -> Any:
    """What a name, or an attribute of one, is now."""
    if isinstance(node, ast.Name):
        return space.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return vars_of(space.get(node.value.id)).get(node.attr)
    if isinstance(node, ast.Constant):
        return node.value
    return None


def vars_of(thing: Any) -> dict[str, Any]:
    """The attributes of an object, and the buffers of a module."""
    try:
        own = vars(thing)
    except TypeError:
        return {}
    return {**own, **(own.get("_buffers") or {})}


def _numbers(value: Any) -> tuple[float, ...]:
    if isinstance(value, float):
        return (value,) if 0 < value < 1 else ()
    if isinstance(value, Tensor) and not value.requires_grad and 0 < value.numel() <= 64:
        numbers = tuple(float(v) for v in value.flatten())
        return numbers if all(0 < v < 1 for v in numbers) else ()
    return ()
