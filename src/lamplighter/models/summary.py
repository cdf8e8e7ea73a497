"""A network layer by layer: shapes, parameters, multiply-adds, and how much of the picture it sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.models.receptive import ReceptiveFields
from lamplighter.models.shape import NeedsValues, first_tensor, home, materialised, walk

if TYPE_CHECKING:
    from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Layer:
    """One row of the summary.

    Args:
        name: path in the module; "(network)" for what belongs to the whole.
        type: class name.
        output_shape: for a batch of 1, without the batch: (C, H, W) or (features,); empty if the
            layer gives no single tensor.
        parameters: numbers it holds; a shared one counts where it comes first.
        multiply_adds: for one picture.
        trainable: whether any of its parameters learns.
        receptive_field: pixels of the picture along one side that one value sees; None if all or
            unknown.
    """

    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    trainable: bool
    receptive_field: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The stable form of `--json`."""
        return {
            "name": self.name,
            "type": self.type,
            "output_shape": list(self.output_shape),
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "trainable": self.trainable,
            "receptive_field": self.receptive_field,
        }


@dataclass(frozen=True)
class Summary:
    """All rows, in the order in which they ran, and the totals.

    Args:
        input_shape: (C, H, W).
        layers: the rows.
        output_shape: of the whole network, without the batch.
        parameters: numbers in all.
        trainable: numbers that learn.
        multiply_adds: for one picture.
        receptive_field: pixels seen by one value of the last layer that still has planes; None if
            that is the whole picture or unknown.
    """

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    output_shape: tuple[int, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    receptive_field: int | None


@dataclass
class _Call:
    """What the hooks saw of one module."""

    module: nn.Module
    order: int
    output_shape: tuple[int, ...] = ()
    flops: int = 0
    field: int | None = None


class _Observer:
    """Pre- and post-hooks on every module; attributes operations to the innermost one."""

    def __init__(self, names: dict[nn.Module, str], fields: ReceptiveFields | None) -> None:
        self.names = names
        self.calls: dict[str, _Call] = {}
        self.counter: FlopCounterMode | None = None
        self.fields = fields
        self._open: list[tuple[int, int]] = []

    def enter(self, module: nn.Module, _inputs: Any) -> None:
        self._open.append((self._flops(), 0))
        name = self.names[module]
        self.calls.setdefault(name, _Call(module, len(self.calls)))

    def leave(self, module: nn.Module, _inputs: Any, output: Any) -> None:
        begun, children = self._open.pop()
        total = self._flops() - begun
        call = self.calls[self.names[module]]
        call.flops += total - children
        if self._open:
            outer_begun, outer_children = self._open[-1]
            self._open[-1] = (outer_begun, outer_children + total)
        if (tensor := first_tensor(output)) is not None:
            call.output_shape = tuple(tensor.shape[1:])
            field = self.fields.of(tensor) if self.fields else None
            call.field = field.pixels if field else None

    def _flops(self) -> int:
        return int(self.counter.get_total_flops()) if self.counter else 0


def summarise(module: nn.Module, input_shape: Sequence[int]) -> Summary:
    """Sends one picture without pixels through the network and writes down what happens.

    Nothing of the network changes: the weights are replaced by shapes for the time of the pass,
    and modes are put back. Multiply-adds are those of convolutions, linear layers and matrix
    products, as torchvision counts them.

    Args:
        module: any network; it runs in eval mode.
        input_shape: (C, H, W) of one picture, or the shape of one sample.

    Raises:
        ModelError: the shape does not fit; names the layer.
    """
    shape = tuple(input_shape)
    module = materialised(module, shape)
    try:
        return _observed(module, torch.empty((1, *shape), device="meta"))
    except NeedsValues:
        return _observed(module, torch.zeros((1, *shape), device=home(module)))


def _observed(module: nn.Module, images: Tensor) -> Summary:
    from torch.utils.flop_counter import FlopCounterMode  # brings triton along, where it is

    names = {layer: name or "(network)" for name, layer in module.named_modules()}
    fields = ReceptiveFields(images) if images.dim() == 4 else None
    observer = _Observer(names, fields)
    with ExitStack() as stack:
        for layer in names:
            stack.callback(layer.register_forward_pre_hook(observer.enter).remove)
            stack.callback(layer.register_forward_hook(observer.leave).remove)
        observer.counter = stack.enter_context(FlopCounterMode(display=False))
        if fields is not None:
            stack.enter_context(fields)
        output = walk(module, images)
    return _summary(module, tuple(images.shape[1:]), observer, first_tensor(output))


def _summary(
    module: nn.Module, input_shape: tuple[int, ...], seen: _Observer, output: Tensor | None
) -> Summary:
    layers = tuple(_rows(module, seen))
    parameters = list(module.parameters())
    planes = [
        layer for layer in layers if len(layer.output_shape) == 3 and layer.output_shape[-1] > 1
    ]
    return Summary(
        input_shape=input_shape,
        layers=layers,
        output_shape=tuple(output.shape[1:]) if output is not None else (),
        parameters=sum(p.numel() for p in parameters),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        receptive_field=next((layer.receptive_field for layer in reversed(planes)), None),
    )


def _rows(module: nn.Module, seen: _Observer) -> Iterator[Layer]:
    """Called modules that hold or compute something themselves, or that have nothing inside."""
    owned = _owners(module, seen.calls)
    for name, call in sorted(seen.calls.items(), key=lambda item: item[1].order):
        held = owned.get(name, [])
        inside = "" if name == "(network)" else f"{name}."
        is_leaf = not any(other != name and other.startswith(inside) for other in seen.calls)
        if not (is_leaf or held or call.flops):
            continue
        yield Layer(
            name=name,
            type=type(call.module).__name__,
            output_shape=call.output_shape,
            parameters=sum(p.numel() for p in held),
            multiply_adds=call.flops // 2,
            trainable=any(p.requires_grad for p in held),
            receptive_field=call.field,
        )


def _owners(module: nn.Module, calls: dict[str, _Call]) -> dict[str, list[nn.Parameter]]:
    """Each parameter under the innermost module that ran and contains it."""
    owned: dict[str, list[nn.Parameter]] = {}
    for path, parameter in module.named_parameters():
        owner = path.rpartition(".")[0]
        while owner and owner not in calls:
            owner = owner.rpartition(".")[0]
        owned.setdefault(owner or "(network)", []).append(parameter)
    return owned
