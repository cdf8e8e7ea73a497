"""What happens inside one forward pass: which layers are called, with what, in which order.

Nothing is changed; hooks are taken off at the end, and only references and small figures are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.precision import all_finite
from lamplighter.checks.structure import NORMS

SQUASHING: dict[Any, str] = {
    torch.tanh: "tanh",
    torch.Tensor.tanh: "tanh",
    F.tanh: "tanh",
    torch.sigmoid: "sigmoid",
    torch.Tensor.sigmoid: "sigmoid",
    F.sigmoid: "sigmoid",
}
RECTIFIERS = frozenset({F.relu, torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_})
# layers that leave a linear map linear
PASSING = (
    nn.Identity,
    nn.Flatten,
    nn.Unflatten,
    nn.Dropout,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
)
BY_COLUMN = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)
JOINING = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass
class Forward:
    """The record of one forward pass.

    Args:
        order: names of the layers in the order of their calls; a layer may come several times.
        first_input: what the first layer with weights received.
        absorbed: whether a normalisation or an embedding comes first, or right after it.
        standardised: whether a normalisation of each column or channel by itself comes before any
            weights that mix them.
        not_finite: (layer, output) of the first output with NaN or infinity.
        squashed: (layer, "tanh" or "sigmoid", outputs).
        rectified: (layer, outputs) of each ReLU.
        adjacent: pairs of names of linear layers with nothing non-linear between them.
        reached: (layer, which call) → whether a gradient came back; filled by backward.
        embedded: (layer, ids, rows) of each embedding.
        norms_moved: BatchNorms called in training mode and with gradients on.
        entered: the layer that was entered last, which is where an exception came from.
    """

    order: list[str] = field(default_factory=list)
    first_input: Tensor | None = None
    first_layer: str = ""
    absorbed: bool = False
    standardised: bool = False
    not_finite: tuple[str, Tensor] | None = None
    squashed: list[tuple[str, str, Tensor]] = field(default_factory=list)
    rectified: list[tuple[str, Tensor]] = field(default_factory=list)
    adjacent: list[tuple[str, str]] = field(default_factory=list)
    reached: dict[tuple[str, int], bool] = field(default_factory=dict)
    embedded: list[tuple[str, Tensor, int]] = field(default_factory=list)
    norms_moved: set[str] = field(default_factory=set)
    entered: str = ""


class _Watcher(TorchFunctionMode):
    """The hooks and the mode that fill a `Forward`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.record = Forward()
        self.current = ""
        self.inside = False  # a layer
        self.elsewhere: set[str] = set()  # linear layers whose output goes to more than a layer
        self.handles: list[Any] = []
        # data pointer → (layer, its output and that tensor's version)
        self.linear: dict[int, tuple[str, Tensor, int]] = {}
        self.modules = dict(model.named_modules())
        for name, module in self.modules.items():
            if not any(True for _ in module.children()):
                self.handles.append(module.register_forward_pre_hook(self._entering(name)))
                self.handles.append(module.register_forward_hook(self._leaving(name)))

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if func in SQUASHING and isinstance(out, Tensor):
            self.record.squashed.append((self.current, SQUASHING[func], out))
        elif func in RECTIFIERS and isinstance(out, Tensor):
            self.record.rectified.append((self.current, out.detach()))
        if not self.inside and isinstance(out, Tensor):
            self._note_use([*args, *(kwargs or {}).values()], out)
        return out

    def _note_use(self, given: list[Any], out: Tensor) -> None:
        """Remembers linear layers whose output enters a sum, a product or an activation by itself.

        What enters a residual block also goes around it: its layer is no part of a chain.
        """
        for tensor in given:
            if isinstance(tensor, Tensor) and tensor.data_ptr() != out.data_ptr():
                source = self.linear.get(tensor.data_ptr())
                if source is not None and source[1]._version == source[2]:
                    self.elsewhere.add(source[0])

    def _entering(self, name: str) -> Any:
        def hook(module: nn.Module, args: Any) -> None:
            self.current, self.inside = name, True
            record = self.record
            record.entered = name
            first = next(tensors_in(args), None)
            if first is None:
                return
            if isinstance(module, nn.Embedding) and not first.is_floating_point():
                record.embedded.append((name, first, module.num_embeddings))
            if isinstance(module, BY_COLUMN) and not record.first_layer:
                record.standardised = True
            has_weights = any(True for _ in module.parameters(recurse=False))
            if has_weights and not record.first_layer:
                record.first_layer, record.first_input = name, first.detach()
                record.absorbed = isinstance(module, (*NORMS, nn.Embedding))
            elif len(record.order) <= 2 and isinstance(module, NORMS):
                record.absorbed = True
            if isinstance(module, JOINING):
                self._note_neighbour(name, first)

        return hook

    def _note_neighbour(self, name: str, first: Tensor) -> None:
        source = self.linear.get(first.data_ptr())
        if source is None or source[1]._version != source[2] or source[0] == name:
            return
        if first.numel() == source[1].numel() and _wasteful(
            self.modules[source[0]], self.modules[name]
        ):
            self.record.adjacent.append((source[0], name))

    def _leaving(self, name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            record = self.record
            record.order.append(name)
            out = list(tensors_in(output))
            learning = torch.is_grad_enabled() and module.training  # a teacher runs under no_grad
            if learning and isinstance(module, nn.modules.batchnorm._BatchNorm):
                record.norms_moved.add(name)
            if record.not_finite is None:
                for tensor in out:
                    if tensor.is_floating_point() and not all_finite(tensor):
                        record.not_finite = (name, tensor.detach())
                        break
            self._note_linear(name, module, args, out)
            key = (name, record.order.count(name))
            for tensor in out:
                if tensor.requires_grad:
                    record.reached.setdefault(key, False)
                    tensor.register_hook(lambda _grad, key=key: self._reach(key))
            self.inside = False  # only now: what was asked here is no use of the output

        return hook

    def _reach(self, key: tuple[str, int]) -> None:
        self.record.reached[key] = True

    def _note_linear(self, name: str, module: nn.Module, args: Any, out: list[Tensor]) -> None:
        if not out:
            return
        first = next(tensors_in(args), None)
        if isinstance(module, JOINING):
            self.linear[out[0].data_ptr()] = (name, out[0], out[0]._version)
        elif isinstance(module, PASSING) and first is not None:
            source = self.linear.get(first.data_ptr())
            if source is not None and source[1]._version == source[2]:
                self.linear[out[0].data_ptr()] = (source[0], out[0], out[0]._version)


def _wasteful(first: nn.Module, second: nn.Module) -> bool:
    """Whether two neighbouring linear layers do no more than one of them could.

    A narrow middle is a factorisation, and depthwise or 1×1 convolutions are cheap parts of one;
    those are wanted.
    """
    if isinstance(first, nn.Linear) and isinstance(second, nn.Linear):
        middle = first.out_features
        return middle >= min(first.in_features, second.out_features)
    if isinstance(first, nn.modules.conv._ConvNd) and isinstance(second, nn.modules.conv._ConvNd):
        plain = first.groups == second.groups == 1
        wide = max(second.kernel_size) > 1 and max(first.kernel_size) > 1
        return plain and wide and first.out_channels >= min(first.in_channels, second.out_channels)
    return False


@contextmanager
def observed(model: nn.Module) -> Iterator[Forward]:
    """Records a forward pass; `reached` is filled when backward runs later.

    Args:
        model: the network; its leaf modules get hooks for the time being.
    """
    watcher = _Watcher(model)
    try:
        with watcher:
            yield watcher.record
    finally:
        for handle in watcher.handles:
            handle.remove()
        watcher.linear.clear()
        pairs = watcher.record.adjacent
        pairs[:] = [pair for pair in pairs if pair[0] not in watcher.elsewhere]
