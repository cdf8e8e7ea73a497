"""Freezing that takes no effect: M111."""

from __future__ import annotations

import ast
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks import freezing as criteria
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.likeness import some_of
from lamplighter.watch.source.place import Place, is_users, tree_of

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 2  # steps that must move what is frozen
MOST = 4096  # weights that are remembered


@dataclass(eq=False, slots=True)
class Marked:
    """A weight below something that was marked as frozen.

    Args:
        ref: weak.
        values: a few of its values when the mark was first seen.
        mark: the attribute.
        of: name of the layer or parameter that bears it.
        module: whether that is a layer.
    """

    ref: weakref.ref[torch.Tensor]
    values: torch.Tensor
    mark: str
    of: str
    module: bool


class Freezing(Watcher):
    """Looks at some steps for marks that PyTorch does not know, and for old gradients."""

    codes = ("M111",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.steps: Counter[int] = Counter()
        self.marked: dict[int, Marked] = {}
        self.learned: set[int] = set()
        self.before: dict[int, tuple[int, int]] = {}
        self.resting: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.hits: Counter[int] = Counter()

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        self.steps[id(optimizer)] += 1
        number = self.steps[id(optimizer)]
        self.resting = []
        if number & (number - 1) and (number - 1) & (number - 2):
            return  # only steps 1, 2, 4, 8, … and the ones after them
        held = {id(p): p for g in optimizer.param_groups for p in g["params"]}
        self._look_at_gradients(held)
        if len(self.marked) < MOST:
            for _, module in self.world.networks():
                self._look_for_marks(module, held)

    def _look_at_gradients(self, held: dict[int, torch.Tensor]) -> None:
        """Frozen weights of which a gradient is left from before."""
        now = {}
        for key, parameter in held.items():
            gradient = parameter.grad
            if gradient is None or gradient.is_sparse:
                continue
            if parameter.requires_grad:
                self.learned.add(key)
            elif key in self.learned:
                now[key] = (id(gradient), gradient._version)
                if now[key] == self.before.get(key) or not bool(gradient.any()):
                    self.resting.append((parameter, parameter.detach().clone()))
        self.before = now

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        resting, self.resting = self.resting, []
        moved = [p for p, old in resting if not torch.equal(p.detach(), old)]
        self.hits.update(id(parameter) for parameter in moved)
        surely = [p for p in moved if self.hits[id(p)] == SURE]
        if surely and not self.world.found("M111"):
            modules = [module for _, module in self.world.networks()]
            names = {id(p): name for m in modules for name, p in m.named_parameters()}
            name = names.get(id(surely[0]), "a weight")
            place = next(iter(self._lines("requires_grad")), None)
            self.world.adopt(criteria.moved_while_frozen(name, len(surely)), place)

    def _look_for_marks(self, module: nn.Module, held: dict[int, torch.Tensor]) -> None:
        for name, part in module.named_modules():
            for mark in _marks_on(vars(part)):
                if not _is_own_flag(type(part), mark):
                    self._remember(part.parameters(), held, mark, name or "the network", True)
        for name, parameter in module.named_parameters():
            for mark in _marks_on(getattr(parameter, "__dict__", {})):
                self._remember([parameter], held, mark, name, False)

    def _remember(
        self, parameters: Any, held: dict[int, torch.Tensor], mark: str, of: str, module: bool
    ) -> None:
        for p in parameters:
            learns = id(p) in held and p.requires_grad and p.grad is not None
            if learns and id(p) not in self.marked:
                self.marked[id(p)] = Marked(weakref.ref(p), some_of(p), mark, of, module)

    def ended(self) -> None:
        changed: dict[tuple[str, bool], list[str]] = {}
        for one in self.marked.values():
            weight = one.ref()
            if weight is not None and not torch.equal(some_of(weight), one.values):
                changed.setdefault((one.mark, one.module), []).append(one.of)
        for (mark, module), owners in changed.items():
            place = next(iter(self._lines(mark)), None)
            told = criteria.mark_without_effect(mark, owners[0], len(owners), module=module)
            self.world.adopt(told, place)
        if not changed and self._nothing_is_frozen():
            for file in self._files():
                for text, why, place in _lines_without_effect(file):
                    surely = "==" in text  # the others may be about another network
                    told = criteria.line_without_effect(text, why, certain=surely)
                    self.world.adopt(told, place)

    def _nothing_is_frozen(self) -> bool:
        trained = [module for model, module in self.world.networks() if model.trained]
        return bool(trained) and all(p.requires_grad for m in trained for p in m.parameters())

    def _files(self) -> list[str]:
        records = self.world.optimizers.values()
        places = [r.place for r in records] + [m.place for m in self.world.models.values()]
        return list(dict.fromkeys(place.file for place in places if place is not None))

    def _lines(self, mark: str) -> Iterator[Place]:
        """Where the program sets an attribute to False."""
        for file in self._files():
            for node in ast.walk(tree_of(file) or ast.Module([], [])):
                if not isinstance(node, ast.Assign) or not _is_false(node.value):
                    continue
                if any(isinstance(t, ast.Attribute) and t.attr == mark for t in node.targets):
                    yield Place(file, node.lineno)


def _marks_on(own: dict[str, Any]) -> Iterator[str]:
    for name, value in own.items():
        if value is False and criteria.means_freezing(name):
            yield name


def _is_own_flag(kind: type, mark: str) -> bool:
    """Whether a class of the program uses an attribute of that name itself."""
    for owner in kind.__mro__:
        functions = [f for f in vars(owner).values() if isinstance(f, FunctionType)]
        for function in functions:
            if is_users(function.__code__.co_filename) and mark in function.__code__.co_names:
                return True
    return False


def _is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _lines_without_effect(file: str) -> Iterator[tuple[str, str, Place]]:
    """Statements of a file that are to freeze and cannot, each with what is wrong."""
    for node in ast.walk(tree_of(file) or ast.Module([], [])):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Compare):
            left = node.value.left
            if isinstance(left, ast.Attribute) and left.attr == "requires_grad":
                why = "it compares, == is no assignment"
                yield ast.unparse(node), why, Place(file, node.lineno)
        elif isinstance(node, ast.For) and "state_dict" in _called(node.iter):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Assign) and _sets_requires_grad(inner):
                    why = "the tensors of a state_dict() are detached from the weights"
                    yield ast.unparse(inner), why, Place(file, inner.lineno)
        elif isinstance(node, ast.Assign) and _sets_requires_grad(node):
            target = node.targets[0]
            owner = target.value if isinstance(target, ast.Attribute) else target
            loose = isinstance(owner, ast.Attribute) and owner.attr in ("data", "grad")
            if loose or (isinstance(owner, ast.Call) and _called(owner)[:1] == ["detach"]):
                why = f"{ast.unparse(owner)} is another tensor than the weight"
                yield ast.unparse(node), why, Place(file, node.lineno)


def _sets_requires_grad(node: ast.Assign) -> bool:
    named = [t for t in node.targets if isinstance(t, ast.Attribute)]
    return _is_false(node.value) and any(t.attr == "requires_grad" for t in named)


def _called(node: ast.AST) -> list[str]:
    """Names of the methods that an expression calls, outermost first."""
    calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
    return [f.attr for f in calls if isinstance(f, ast.Attribute)]
