"""How many pixels of the picture each layer sees, followed operation by operation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
_POOLS = {
    aten.max_pool2d_with_indices.default,
    aten.max_pool2d.default,
    aten.avg_pool2d.default,
}
# a product of matrices may mix all positions; which it does is not told from its shapes
_WHOLE = {
    aten.mm.default,
    aten.addmm.default,
    aten.bmm.default,
    aten.baddbmm.default,
    aten.matmul.default,
    aten.linear.default,
}


@dataclass(frozen=True)
class Field:
    """What one value of a tensor sees: `pixels` along one side, and `step` between neighbours.

    `pixels` is None when it sees everything, or when nothing certain can be said.
    """

    pixels: int | None
    step: int = 1


EVERYTHING = Field(None)


class ReceptiveFields(TorchDispatchMode):
    """While active, keeps for every tensor made from `images_BCHW` what its values see.

    Heights are followed; the figure along the width can differ where kernels are not square.

    Args:
        images_BCHW: the input, seen as single pixels.

    Source: Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural
        networks" (Distill).
    """

    def __init__(self, images_BCHW: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # the tensors are kept so that their ids stay theirs; on the meta device they weigh nothing
        self._kept: dict[int, tuple[Tensor, Field]] = {}
        self._keep(images_BCHW, Field(1))

    def of(self, tensor: Tensor) -> Field | None:
        """What is known of a tensor, if it came from the picture."""
        found = self._kept.get(id(tensor))
        return found[1] if found else None

    def _keep(self, tensor: Tensor, field: Field) -> None:
        self._kept[id(tensor)] = (tensor, field)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        known = [field for t in _tensors(args) if (field := self.of(t)) is not None]
        if known:
            field = _after(func, args, known)
            for tensor in _tensors((result,)):
                self._keep(tensor, field)
        return result


def _after(func: Any, args: Sequence[Any], known: list[Field]) -> Field:
    if func in _WHOLE or any(field.pixels is None for field in known):
        return EVERYTHING
    widest = max(known, key=lambda field: (field.pixels or 0, field.step))
    if func is aten.convolution.default:
        if args[6] or args[1].dim() != 4:
            return EVERYTHING
        return _window(widest, args[1].shape[2], args[3][0], args[5][0])
    if func in _POOLS:
        kernel = args[1][0]
        stride = args[2][0] if len(args) > 2 and args[2] else kernel
        return _window(widest, kernel, stride, 1)
    if func is aten._adaptive_avg_pool2d.default or func is aten.adaptive_max_pool2d.default:
        unchanged = tuple(args[0].shape[-2:]) == tuple(args[1])
        return widest if unchanged else EVERYTHING
    if func in (aten.mean.dim, aten.sum.dim_IntList, aten.native_layer_norm.default):
        dims = args[1] if func is not aten.native_layer_norm.default else []
        return EVERYTHING if any(d % args[0].dim() >= 2 for d in dims) else widest
    return widest


def _window(field: Field, kernel: int, stride: int, dilation: int) -> Field:
    assert field.pixels is not None
    return Field(field.pixels + (kernel - 1) * dilation * field.step, field.step * stride)


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)
