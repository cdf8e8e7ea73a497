"""Every operation of one forward pass with the user's line that asked for it, on a copy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.snapshot import probing, seed_all
from lamplighter.watch.source.place import Place, here

MOST = 20_000  # operations of one pass that are kept


@dataclass(eq=False, slots=True)
class Operation:
    """One call of a function of torch.

    Args:
        place: the user's line within the network; None where torch's own code asked for it.
        given: the tensors that went in.
        made: the tensors that came out.
        cuts: whether something with a gradient went in and nothing with one came out.
    """

    place: Place | None
    given: list[Tensor]
    made: list[Tensor]
    cuts: bool


class _Recorder(TorchFunctionMode):
    def __init__(self, outside: Place | None) -> None:
        super().__init__()
        self.outside = outside
        self.operations: list[Operation] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = list(tensors_in((args, kwargs or {})))
        wanted = any(t.requires_grad for t in given)
        result = func(*args, **(kwargs or {}))
        made = [t for t in tensors_in(result) if t.is_floating_point()]
        if made and len(self.operations) < MOST:
            place = here()
            cuts = wanted and not any(t.requires_grad for t in made)
            mine = place if place != self.outside else None
            self.operations.append(Operation(mine, given, made, cuts))
        return result


def operations(model: nn.Module, inputs: Sequence[Tensor], *, seed: int = 0) -> list[Operation]:
    """Runs a forward pass and records it.

    Args:
        model: a copy of the user's network, in the mode that is meant.
        inputs: its positional arguments.
        seed: of the random generators, which are put back.
    """
    with probing(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seed_all(seed)
        with _Recorder(here()) as recorder:
            model(*inputs)
    return recorder.operations


def first_difference(
    one: list[Operation], other: list[Operation], apart: Callable[[Tensor, Tensor], bool]
) -> Place | None:
    """The line at which two passes first differ in a way that counts, by a result that is used.

    Args:
        one: the first pass.
        other: the second; the same operations, up to where it goes another way.
        apart: whether two results of one operation differ so.
    """
    used = {id(t) for operation in one for t in operation.given}
    for left, right in zip(one, other, strict=False):
        for a, b in zip(left.made, right.made, strict=False):
            if (id(a) in used or left is one[-1]) and apart(a.detach(), b.detach()):
                return left.place
    return None


def cut_after(operations_: Iterable[Operation], parameter: Tensor) -> Place | None:
    """The line at which what was made with a parameter loses its gradient.

    Args:
        operations_: a pass with gradients on.
        parameter: one that gets no gradient.
    """
    touched = {id(parameter)}
    for operation in operations_:
        if not any(id(t) in touched for t in operation.given):
            continue
        if operation.cuts:
            return operation.place
        touched.update(id(t) for t in operation.made)
    return None


def uses_of(operations_: Iterable[Operation], parameters: Iterable[Tensor]) -> list[Place | None]:
    """The lines that use any of these parameters, in order."""
    mine = {id(p) for p in parameters}
    return [o.place for o in operations_ if any(id(t) in mine for t in o.given)]
