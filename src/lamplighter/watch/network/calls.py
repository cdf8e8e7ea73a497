"""How a program calls its network and what it sends back, in the form in which both can be repeated."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.checks.batches import is_dense, tensors_in
from lamplighter.watch.network.trace import operations
from lamplighter.watch.network.trial import UNFIT
from lamplighter.watch.source.place import frames, locals_of

MOST = 8  # tensors of one call
# what changes a loss by a factor, or not at all
_SCALING = (
    *("MulBackward", "DivBackward", "ToCopyBackward", "NegBackward", "MeanBackward"),
    *("SqueezeBackward", "ViewBackward", "UnsqueezeBackward", "AliasBackward"),
)


def positional(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """A call's arguments by position, where they are tensors and defaults; else nothing.

    Args:
        module: the network.
        args: as it was called.
        kwargs: as it was called.
    """
    if not kwargs:
        return tuple(args) if args and all(map(_is_plain, args)) else ()
    try:
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return ()
    if bound.kwargs:
        return ()
    given = list(bound.args)
    names = list(bound.signature.parameters.values())
    while given and not isinstance(given[-1], Tensor):
        if names[len(given) - 1].default is not given[-1]:
            return ()
        given.pop()
    return tuple(given) if given and all(map(_is_plain, given)) else ()


def _is_plain(thing: Any) -> bool:
    return isinstance(thing, Tensor) and is_dense(thing)


@dataclass(eq=False)
class Call:
    """A call of a network as a row of tensors, and how to make the call of them again.

    Args:
        tensors: all that were given, in their order.
        args: as it was called, with the tensors left out; None: they are its arguments as they are.
        kwargs: likewise.
    """

    tensors: tuple[Tensor, ...]
    args: tuple[Any, ...] | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)

    def prepare(self, double: nn.Module) -> None:
        """Lets a copy of the network be called with the tensors alone."""
        if self.args is None:
            return

        def refill(_module: nn.Module, given: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if len(given) != len(self.tensors) or kwargs:
                return None
            rest = list(given)
            return _filled(self.args, rest), _filled(self.kwargs, rest)

        double.register_forward_pre_hook(refill, with_kwargs=True)


def call_of(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    """How a network was called, where that can be repeated; a batch may be one dictionary."""
    plain = positional(module, args, kwargs)
    if plain:
        return Call(plain)
    tensors: list[Tensor] = []
    try:
        hollow = _emptied(args, tensors), _emptied(kwargs, tensors)
    except TypeError:
        return None
    return Call(tuple(tensors), *hollow) if tensors and len(tensors) <= MOST else None


class _Slot:
    """Where a tensor was taken out."""


_SLOT = _Slot()


def _emptied(thing: Any, taken: list[Tensor], deep: int = 2) -> Any:
    """The same without its tensors, which are put into a list; plain values stay."""
    if isinstance(thing, Tensor):
        if thing.requires_grad and not thing.is_leaf:
            raise TypeError("what another network has made is not repeated")
        if not is_dense(thing):
            raise TypeError("the probes cut and join rows, which sparse tensors do not let")
        taken.append(thing)
        return _SLOT
    if deep and type(thing) in (tuple, list):
        return type(thing)(_emptied(one, taken, deep - 1) for one in thing)
    if deep and type(thing) is dict:
        return {key: _emptied(one, taken, deep - 1) for key, one in thing.items()}
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    raise TypeError(type(thing).__name__)


def _filled(thing: Any, rest: list[Any]) -> Any:
    if thing is _SLOT:
        return rest.pop(0)
    if type(thing) in (tuple, list):
        return type(thing)(_filled(one, rest) for one in thing)
    if type(thing) is dict:
        return {key: _filled(one, rest) for key, one in thing.items()}
    return thing


def index_of(wanted: Tensor, output: Any) -> int | None:
    """Which of the tensors in a network's answer this one is, or None."""
    for index, tensor in enumerate(tensors_in(output)):
        if tensor is wanted:
            return index
    return None


def comes_from(root: Tensor, result: Any) -> bool:
    """Whether what is sent back is a loss, or a multiple of it.

    Args:
        root: what `backward()` is called on.
        result: what the loss function returned.
    """
    if root is result:
        return True
    if not isinstance(result, torch.Tensor) or result.grad_fn is None or result.numel() != 1:
        return False
    node = root.grad_fn
    for _ in range(6):
        if node is None:
            return False
        if node is result.grad_fn:
            return True
        inner = [n for n, _ in node.next_functions if n is not None]
        if len(inner) != 1 or not node.name().startswith(_SCALING):
            return False
        node = inner[0]
    return False


def last_of(batch: Any, inputs: tuple[Tensor, ...]) -> Tensor:
    """The last tensor of a batch, which mostly is the target; else the first input."""
    found = list(tensors_in(batch))
    return (found[-1] if len(found) > 1 else inputs[0]).detach()


def rows_are_plain(model: nn.Module, inputs: tuple[Tensor, ...], target: Tensor) -> bool:
    """Whether dimension 0 of tensors that no loader made can only be the samples.

    Args:
        model: a copy of the network.
        inputs: its arguments.
        target: what its answer is compared with.
    """
    first = inputs[0]
    count = len(first) if first.dim() else 0
    if count < 3 or target is first or any(t.dim() < 1 or len(t) != count for t in inputs):
        return False
    if target.dim() < 1 or len(target) != count:
        return False
    if first.dim() == 4:
        return True
    if first.dim() == 3 or (first.dim() == 2 and not first.is_floating_point()):
        if first.shape[1] == count:
            return False
        return target.dim() == 1 or _one_table_for_all_rows(model, inputs)
    mixing = (nn.RNNBase, nn.MultiheadAttention, nn.Transformer, nn.modules.conv._ConvNd)
    if first.dim() != 2 or any(isinstance(m, mixing) for m in model.modules()):
        return False
    return len(inputs) == 1 and _is_part_of_more(first)


def _one_table_for_all_rows(model: nn.Module, inputs: tuple[Tensor, ...]) -> bool:
    """Whether the network adds a table `(T, D)` of its own to inputs `(B, T, …)`, as of positions.

    Dimension 1 then is the places of a sequence, and dimension 0 the samples: no network has
    weights for each sample.
    """
    count, length = inputs[0].shape[:2]
    touched = {id(t) for t in inputs}
    try:
        with torch.no_grad():
            passed = operations(model, inputs)
    except UNFIT:
        return False
    for operation in passed:
        for table in operation.given:
            if id(table) in touched or table.shape[:-1] not in ((length,), (1, length)):
                continue
            wide = (count, length, table.shape[-1])
            if any(t.shape == wide for t in operation.given) and operation.made[0].shape == wide:
                return True
        if any(id(t) in touched for t in operation.given):
            touched |= {id(t) for t in operation.made}
    return False


def _is_part_of_more(rows: Tensor) -> bool:
    """Whether the program holds a larger tensor of such rows, of which these are some."""
    for frame in frames():
        for value in (*locals_of(frame).values(), *frame.f_globals.values()):
            if not isinstance(value, Tensor) or value.dim() != rows.dim():
                continue
            if value.shape[1:] == rows.shape[1:] and len(value) >= 2 * len(rows):
                return True
    return False
