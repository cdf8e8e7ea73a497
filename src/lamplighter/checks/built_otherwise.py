"""Family A: two networks with the same weights that compute something else with them."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

OF_TENSORS = " is a plain tensor and has other numbers"
SLACK = 1e-3  # of the spread of the answers: what another order of sums may make of them
LETTERS = 60  # of a setting that is shown
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, functools.partial, type)
_PLAIN = (bool, int, float, str, tuple, type(None))


def differences_of(one: nn.Module, other: nn.Module) -> list[str]:
    """In what two networks of the same class were built otherwise, beside their tensors.

    Compared are the kinds of the layers, the settings of torch's own layers, and the functions, names
    and plain tensors that the user's own modules keep. A number or a switch of the user's own may be changed on
    purpose from one use to the next, as a temperature is.

    Args:
        one: the network that is asked about.
        other: the one that it is held against.

    Returns:
        Phrases such as "`act` is relu and was tanh".
    """
    mine, theirs = dict(one.named_modules()), dict(other.named_modules())
    told = [f"only one of them has `{name}`" for name in mine.keys() ^ theirs.keys()]
    for name in mine.keys() & theirs.keys():
        a, b = mine[name], theirs[name]
        if type(a) is not type(b):
            told.append(f"`{name}` is {type(a).__name__} and was {type(b).__name__}")
            continue
        of_torch = type(a).__module__.startswith("torch.nn")
        for key in vars(a).keys() & vars(b).keys():
            if key.startswith("_") or key == "training":
                continue
            mine_is, theirs_was = vars(a)[key], vars(b)[key]
            if not of_torch and _are_other_numbers(mine_is, theirs_was):
                told.append(f"`{name}.{key}`" if name else f"`{key}`")
                told[-1] += OF_TENSORS
            if _differ(mine_is, theirs_was, numbers=of_torch):
                where = f"{name}.{key}" if name else key
                told.append(f"`{where}` is {_shown(mine_is)} and was {_shown(theirs_was)}")
    return sorted(told)


def answers_differ(first: Any, second: Any) -> bool:
    """Whether two answers of the same shapes have other numbers."""
    pairs = list(zip(tensors_in(first), tensors_in(second), strict=False))
    for a, b in pairs:
        if a.shape != b.shape or not a.is_floating_point() or not b.is_floating_point():
            return False
        if not bool(torch.isfinite(a).all()) or not bool(torch.isfinite(b).all()):
            return False
    largest = [float((a - b).abs().max() / (b.std() + 1e-12)) for a, b in pairs if a.numel() > 1]
    return any(share > SLACK for share in largest)


def same_weights_other_answers(name: str, count: int, told: list[str]) -> Iterator[Finding]:
    """A102: a network has taken all the weights of another one, and answers otherwise.

    Args:
        name: of the network.
        count: tensors of the state.
        told: what `differences_of` says.
    """
    more = f", and {len(told) - 1} more" if len(told) > 1 else ""
    yield found(
        "A102",
        f"`{name}`",
        f"it has taken all {count} tensors of a network of its class and answers the same inputs "
        f"otherwise: {told[0]}{more}",
        "keep it as a buffer, self.register_buffer(name, tensor): a plain tensor is not in a state_dict"
        if told[0].endswith(OF_TENSORS)
        else "build both with the same settings: what is no tensor is not in a state_dict",
    )


def _are_other_numbers(one: Any, other: Any) -> bool:
    """Whether two plain tensors or arrays, which no state holds, have other values."""
    if not all(isinstance(thing, torch.Tensor | np.ndarray) for thing in (one, other)):
        return False
    first, second = (torch.as_tensor(thing).detach().cpu() for thing in (one, other))
    return first.shape != second.shape or not torch.equal(first, second)


def _differ(one: Any, other: Any, *, numbers: bool) -> bool:
    if isinstance(one, _FUNCTIONS) and isinstance(other, _FUNCTIONS):
        return _body(one) is not _body(other) and _body(one) != _body(other)
    if isinstance(one, str) and isinstance(other, str):
        return one != other
    plain = numbers and isinstance(one, _PLAIN) and isinstance(other, _PLAIN)
    return plain and bool(_comparable(one) != _comparable(other))


def _body(function: Any) -> Any:
    """What two functions have in common that do the same, as two lambdas of one line."""
    function = getattr(function, "lamp_original", function)  # as it was before it was listened to
    if isinstance(function, functools.partial):
        given = (*function.args, *(value for _, value in sorted(function.keywords.items())))
        return _body(function.func), sorted(function.keywords), [_comparable(one) for one in given]
    return getattr(function, "__code__", function)


def _comparable(thing: Any) -> Any:
    """A plain value itself; of a tensor and the like no more than its kind, as `==` is none there."""
    if isinstance(thing, tuple):
        return tuple(map(_comparable, thing))
    return thing if isinstance(thing, _PLAIN) else type(thing)


def _shown(thing: Any) -> str:
    if isinstance(thing, functools.partial):
        given = [f"{key}={value!r}" for key, value in thing.keywords.items()]
        return f"{_shown(thing.func)}({', '.join([*map(repr, thing.args), *given])})"[:LETTERS]
    name = getattr(thing, "__name__", None)
    if name == "<lambda>" and hasattr(thing, "__code__"):
        return f"the lambda of line {thing.__code__.co_firstlineno}"
    return name or repr(thing)[:LETTERS]
