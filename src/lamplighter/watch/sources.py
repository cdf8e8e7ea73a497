"""Lines of the user's source that do nothing: M114, X101. They count only if the program ran them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn

from lamplighter.watch.dropped import tell_thrown
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.patience import never_renewed
from lamplighter.watch.source.place import Place, tree_of
from lamplighter.watch.source.unread import forward_of, never_read

if TYPE_CHECKING:
    from lamplighter.watch.world import World

FORGOTTEN_CALLS = ("zero_grad", "backward", "step", "eval", "train")
FUNCTIONS = (
    "relu", "gelu", "silu", "elu", "selu", "leaky_relu", "sigmoid", "tanh", "softmax", "log_softmax",
    "dropout", "dropout2d", "batch_norm", "layer_norm", "normalize", "max_pool2d", "avg_pool2d",
    "flatten", "reshape", "view", "permute", "transpose", "squeeze", "unsqueeze", "clamp",
)  # fmt: skip


class Sources(Watcher):
    """Reads the classes of trained networks and the files that train them."""

    codes = ("M114", "X101")

    def __init__(self, world: World) -> None:
        self.world = world
        self.looked: set[int] = set()

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if id(optimizer) in self.looked:
            return
        self.looked.add(id(optimizer))
        record = self.world.owner_record(optimizer)
        trained = self.world.networks({id(p) for p in record.parameters()})
        self._look(
            [module for _, module in trained], [record.place, *(m.place for m, _ in trained)]
        )

    def ended(self) -> None:
        trained = [model for model in self.world.models.values() if model.trained]
        places = [record.place for record in self.world.optimizers.values() if record.steps]
        modules = [module for model in trained if (module := model.module) is not None]
        self._look(modules, places + [model.place for model in trained])

    def _look(self, modules: list[nn.Module], places: list[Place | None]) -> None:
        """Reads the classes of these networks, and the files of these lines."""
        classes: dict[type, nn.Module] = {}
        for module in modules:
            for inner in module.modules():
                classes.setdefault(type(inner), inner)
        for kind, example in classes.items():
            for name, place in thrown_away(kind, example):
                tell_thrown(self.world, name, place)
            for name, place in never_read(kind):
                self._report_never_read(name, place)
        for file in dict.fromkeys(place.file for place in places if place is not None):
            for name, place in uncalled(file):
                self._report_uncalled(name, place)
            for name, place in never_renewed(file):
                self._report_patience(name, place)

    def _report_patience(self, name: str, place: Place) -> None:
        self.world.report(
            "X101",
            "warning",
            f"`{name}`",
            "it counts the epochs without progress and is not set back where there is progress: it "
            "counts all of them together, and the training ends early",
            f"write {name} = 0 where the best figure is renewed",
            place,
        )

    def _report_never_read(self, name: str, place: Place) -> None:
        self.world.report(
            "M114",
            "warning",
            f"`{name}`",
            "forward() gives it a tensor and never reads it: what is computed here, or kept here for "
            "a way round, reaches no answer",
            f"use {name} further on, or leave the line away",
            place,
        )

    def _report_uncalled(self, name: str, place: Place) -> None:
        self.world.report(
            "X101",
            "warning",
            f"`{name}`",
            "the method is named and not called: the parentheses are missing, the line does nothing",
            f"write {name}()",
            place,
        )


def thrown_away(kind: type, example: nn.Module) -> Iterator[tuple[str, Place]]:
    """Statements in `forward` that compute a tensor and drop it.

    Args:
        kind: class of the user.
        example: one of its modules, to see what `self.name` is.

    Yields:
        What was called, and the line.
    """
    known = forward_of(kind)
    if known is None:
        return
    file, forward = known
    for statement in ast.walk(forward):
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and _drops_a_tensor(call, example):
            yield ast.unparse(call.func), Place(file, call.lineno)


def _drops_a_tensor(call: ast.Call, example: nn.Module) -> bool:
    if any(k.arg in ("inplace", "out") for k in call.keywords):
        return False
    function = call.func
    if not isinstance(function, ast.Attribute):
        return False
    if isinstance(function.value, ast.Name) and function.value.id == "self":
        layer = getattr(example, function.attr, None)
        of_torch = isinstance(layer, nn.Module) and type(layer).__module__.startswith("torch.nn")
        return of_torch and not getattr(layer, "inplace", False)
    # torch.relu(x), F.relu(x), x.view(…): each gives a new tensor and leaves the old one alone
    return function.attr in FUNCTIONS and not _is_on_self(function.value)


def _is_on_self(node: ast.expr) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id == "self" for inner in ast.walk(node))


def uncalled(file: str) -> Iterator[tuple[str, Place]]:
    """Statements that name a method of the loop and do not call it."""
    for node in ast.walk(tree_of(file) or ast.Module([], [])):
        is_named = isinstance(node, ast.Expr) and isinstance(node.value, ast.Attribute)
        if is_named and node.value.attr in FORGOTTEN_CALLS:  # type: ignore[attr-defined]
            yield ast.unparse(node.value), Place(file, node.lineno)  # type: ignore[attr-defined]
