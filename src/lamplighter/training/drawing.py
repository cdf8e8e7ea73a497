"""A network's graph, a run's settings and captions, as TensorBoard keeps them, without TensorBoard or protobuf.

torch's own drawing imports both, traces three times and has sympy imported for that: a second and
more, for what one pass of one picture shows.

Source: tensorflow/core/framework/graph.proto, node_def.proto, attr_value.proto and
tensor_shape.proto; tensorboard/plugins/hparams/plugin_data.proto and api.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lamplighter.models.shape import at_rest
from lamplighter.training.events import text, whole

PRODUCER = 22  # of the graph's version: what TensorBoard's own data sets say
NUMBER, TEXT = 3, 1  # DataType of api.proto
STRINGS = 7  # DataType of types.proto


def graph_of(module: nn.Module, inputs: Tensor) -> bytes:
    """A serialised GraphDef: every operation on tensors, in the layer that it belongs to.

    Args:
        module: runs once in evaluation mode; its modes and torch's random numbers are put back.
        inputs: a batch, on the module's device.
    """
    drawing = Drawing(inputs)
    hooks = []
    for name, layer in module.named_modules():
        hooks.append(layer.register_forward_pre_hook(drawing.entering(name)))
        hooks.append(layer.register_forward_hook(drawing.leaving))
    try:
        with at_rest(module), torch.random.fork_rng(_devices(inputs)), drawing:
            output = module(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    drawing.add("output", "output", [], _tensors(output))
    return b"".join(drawing.rows) + text(4, whole(1, PRODUCER))


class Drawing(TorchFunctionMode):
    """Hears every call of torch and which layer is at work.

    Args:
        inputs: of the pass.
    """

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self.rows: list[bytes] = []
        self.scopes: list[str] = []
        self.taken: dict[str, int] = {}
        self.origins: dict[int, str] = {}  # id of a tensor → the operation that it comes from
        self.kept: list[Tensor] = []  # so that no id is given twice
        self.add("input", "input", [inputs], [])

    def entering(self, name: str) -> Callable[[nn.Module, Any], None]:
        """A forward pre-hook: `features.0` → `Net/Sequential[features]/Conv2d[0]`."""

        def hook(layer: nn.Module, _inputs: Any) -> None:
            own = f"[{name.rsplit('.', 1)[-1]}]" if name else ""
            above = f"{self.scopes[-1]}/" if self.scopes else ""
            self.scopes.append(f"{above}{type(layer).__name__}{own}")

        return hook

    def leaving(self, _layer: nn.Module, _inputs: Any, _output: Any) -> None:
        """A forward hook."""
        self.scopes.pop()

    def __torch_function__(
        self, called: Any, _types: Any, given: tuple[Any, ...] = (), named: Any = None
    ) -> Any:
        named = named or {}
        found = called(*given, **named)
        sources = [t for t in _tensors((given, named)) if id(t) in self.origins]
        values = list(_tensors(found))
        if sources and values:
            kind = getattr(called, "__name__", "operation").strip("_")
            self.add(f"{self.scopes[-1]}/{kind}" if self.scopes else kind, kind, values, sources)
        return found

    def add(self, name: str, kind: str, values: Sequence[Tensor], sources: Any) -> None:
        """An operation, with what it makes of what."""
        self.taken[name] = number = self.taken.get(name, -1) + 1
        unique = f"{name}_{number}" if number else name
        origins = dict.fromkeys(self.origins[id(t)] for t in sources if id(t) in self.origins)
        self.rows.append(_node(unique, kind, list(origins), [list(t.shape) for t in values]))
        for value in values:
            self.origins[id(value)] = unique
            self.kept.append(value)


def _devices(inputs: Tensor) -> list[torch.device]:
    return [inputs.device] if inputs.is_cuda else []


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)


def _node(name: str, kind: str, sources: Sequence[str], shapes: Sequence[list[int]]) -> bytes:
    body = text(1, name.encode()) + text(2, kind.encode())
    body += b"".join(text(3, source.encode()) for source in sources)
    if shapes:
        listed = b"".join(text(7, b"".join(text(2, whole(1, n)) for n in s)) for s in shapes)
        body += text(5, text(1, b"_output_shapes") + text(2, text(1, listed)))
    return text(1, body)


def settings_of(values: Mapping[str, bool | float | str], figures: Sequence[str]) -> list[bytes]:
    """Serialised Summaries that put a run into TensorBoard's table of hyperparameters.

    Args:
        values: name → setting.
        figures: tags of the numbers that came of it.
    """
    told = b"".join(
        text(4, text(1, key.encode()) + whole(4, TEXT if isinstance(value, str) else NUMBER))
        for key, value in values.items()
    )
    told += b"".join(text(5, text(1, text(2, tag.encode()))) for tag in figures)
    session = b"".join(
        text(1, text(1, key.encode()) + text(2, _value(value))) for key, value in values.items()
    )
    parts = {"experiment": text(2, told), "session_start_info": text(3, session)}
    parts["session_end_info"] = text(4, whole(1, 1))  # it succeeded
    return [_of_plugin(f"_hparams_/{name}", "hparams", part) for name, part in parts.items()]


def _value(value: bool | float | str) -> bytes:
    """A google.protobuf.Value."""
    if isinstance(value, str):
        return text(3, value.encode())
    return bytes([2 << 3 | 1]) + struct.pack("<d", float(value))


def caption(tag: str, told: str) -> bytes:
    """A serialised Summary with a text in Markdown."""
    shape = text(2, text(2, whole(1, 1)))
    tensor = text(8, whole(1, STRINGS) + shape + text(8, told.encode()))
    return _of_plugin(f"{tag}/text_summary", "text", b"", tensor)


def _of_plugin(tag: str, plugin: str, content: bytes, value: bytes = b"") -> bytes:
    """A Summary for one of TensorBoard's pages, as that page keeps its own data."""
    metadata = text(1, text(1, plugin.encode()) + text(2, content))
    return text(1, text(1, tag.encode()) + value + text(9, metadata))
