"""The output shape worked out by hand, line by line, for the layers whose shape follows a formula."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any


def explain_shape(kind: str, layer: Any, sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    """The calculation of the output shape, and notes.

    Args:
        kind: class name of the layer.
        layer: the layer.
        sample: shape of one sample.

    Returns:
        lines of the calculation (empty where the shape does not change), notes.
    """
    if found := re.fullmatch(r"(?:Lazy)?Conv(\d)d|(?:Max|Avg|LP)Pool(\d)d", kind):
        return _conv(layer, sample, int(found[1] or found[2]), kind), _conv_notes(kind, layer)
    if found := re.fullmatch(r"(?:Lazy)?ConvTranspose(\d)d", kind):
        return _transposed(layer, sample, int(found[1])), _conv_notes(kind, layer)
    for pattern, tell in _TELLERS:
        if re.fullmatch(pattern, kind):
            return tell(layer, sample)
    return [], []


def conv_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    """Output length of a convolution or pooling along one side.

    Source: the "Shape" section of torch.nn.Conv2d and MaxPool2d.
    """
    steps = (size + 2 * padding - dilation * (kernel - 1) - 1) / stride
    out = (math.ceil(steps) if ceil else math.floor(steps)) + 1
    # a last window that would begin in the right padding is left out
    if ceil and (out - 1) * stride >= size + padding:
        out -= 1
    return out


def sides_of(layer: Any, sizes: tuple[int, ...]) -> Iterator[tuple[str, int, int, int, int, int]]:
    """Of each side: its name, length, kernel, stride, padding ("same" keeps a side: 0), dilation."""
    dims = len(sizes)
    padding = getattr(layer, "padding", 0)
    yield from zip(
        _names(dims),
        sizes,
        _sides(layer.kernel_size, dims),
        _sides(layer.stride if layer.stride is not None else layer.kernel_size, dims),
        _sides(0 if isinstance(padding, str) else padding, dims),
        _sides(getattr(layer, "dilation", 1), dims),
        strict=True,
    )


def _sides(value: Any, dims: int) -> list[int]:
    return list(value) if isinstance(value, tuple | list) else [value] * dims


def _names(dims: int) -> tuple[str, ...]:
    return {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}[dims]


def _conv(layer: Any, sample: tuple[int, ...], dims: int, kind: str) -> list[str]:
    ceil = bool(getattr(layer, "ceil_mode", False))
    if getattr(layer, "padding", 0) == "same":
        sizes = "×".join(map(str, sample[-dims:]))
        return [f"padding='same' keeps {' and '.join(_names(dims))}: {sizes}"]
    word = "ceil" if ceil else "floor"
    lines = [f"out = {word}((in + 2·padding − dilation·(kernel − 1) − 1) / stride + 1)"]
    for name, size, k, s, p, d in sides_of(layer, sample[-dims:]):
        out = conv_size(size, k, s, p, d, ceil)
        lines.append(f"{name} = {word}(({size} + 2·{p} − {d}·({k} − 1) − 1) / {s} + 1) = {out}")
    if "Pool" in kind:
        lines.append(f"C = {sample[-dims - 1]}: pooling leaves the channels")
    else:
        lines.append(f"C = out_channels = {layer.out_channels}")
    return lines


def _transposed(layer: Any, sample: tuple[int, ...], dims: int) -> list[str]:
    lines = ["out = (in − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1"]
    columns = [
        _sides(getattr(layer, name), dims)
        for name in ("kernel_size", "stride", "padding", "dilation", "output_padding")
    ]
    for name, size, k, s, p, d, extra in zip(_names(dims), sample[-dims:], *columns, strict=True):
        out = (size - 1) * s - 2 * p + d * (k - 1) + extra + 1
        lines.append(f"{name} = ({size} − 1)·{s} − 2·{p} + {d}·({k} − 1) + {extra} + 1 = {out}")
    return [*lines, f"C = out_channels = {layer.out_channels}"]


def _conv_notes(kind: str, layer: Any) -> list[str]:
    if "Pool" in kind:
        return ["no parameters; stride is the kernel's size unless given"]
    groups = layer.groups
    kernel = "·".join(str(k) for k in layer.kernel_size)
    per = f"{layer.in_channels}/{groups}" if groups > 1 else str(layer.in_channels)
    bias = f" + {layer.out_channels} biases" if layer.bias is not None else ", no biases"
    return [f"parameters: {layer.out_channels} × {per} × {kernel} weights{bias}"]


def _linear(layer: Any, _sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    bias = f" + {layer.out_features} biases" if layer.bias is not None else ""
    return (
        [f"the last dimension, {layer.in_features}, becomes out_features = {layer.out_features}"],
        [f"parameters: {layer.out_features} × {layer.in_features} weights{bias}"],
    )


def _flatten(layer: Any, sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    if layer.start_dim == 1 and layer.end_dim == -1:
        product = "·".join(map(str, sample))
        return [f"{product} = {math.prod(sample)}"], [
            "this is in_features of a Linear layer after it"
        ]
    if layer.start_dim == 0:
        return [], ["start_dim=0 flattens the batch too: the samples are mixed into one row"]
    return [], []


def _adaptive(layer: Any, _sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    return (
        [f"output_size = {layer.output_size}, whatever the size that comes; channels stay"],
        ["makes the network independent of the picture's size"],
    )


def _norm(layer: Any, _sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    notes = ["the shape stays; each channel is shifted and scaled to mean 0 and spread 1"]
    if getattr(layer, "track_running_stats", False):
        notes.append(
            f"in training by the batch's own statistics, and running ones are kept (momentum {layer.momentum}); "
            "after model.eval() by the running ones"
        )
    return [], notes


def _layer_norm(layer: Any, _sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    shape = getattr(layer, "normalized_shape", None)
    over = (
        f"the last dimension(s) {tuple(shape)}"
        if shape
        else f"{layer.num_groups} groups of channels"
    )
    return [], [
        f"the shape stays; each sample is normalised by itself over {over}, in training and evaluation alike"
    ]


def _embedding(layer: Any, _sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    return (
        [f"each number becomes a row of embedding_dim = {layer.embedding_dim} values"],
        [
            f"parameters: {layer.num_embeddings} rows × {layer.embedding_dim}; numbers 0 to {layer.num_embeddings - 1} are allowed"
        ],
    )


def _recurrent(layer: Any, _sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    ways = 2 if layer.bidirectional else 1
    gates = {"LSTM": 4, "GRU": 3}.get(type(layer).__name__, 1)
    size = getattr(layer, "proj_size", 0) or layer.hidden_size
    lines = [
        f"features = hidden_size × directions = {size} × {ways} = {size * ways}",
        f"state(s): (num_layers × directions = {layer.num_layers * ways}) × B × {size}",
    ]
    notes = [
        f"returns (outputs of every step, last state): outputs, state = {type(layer).__name__.lower()}(x)",
        f"parameters of the first layer, one direction: {gates}·{layer.hidden_size}·({layer.input_size} + {size} + 2)",
    ]
    if not layer.batch_first:
        notes.append("length comes before the batch: batch_first=True is what most data wants")
    return lines, notes


def _attention(layer: Any, _sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    return (
        [f"{layer.embed_dim} / {layer.num_heads} heads = {layer.head_dim} values per head"],
        [
            "returns (outputs, attention weights B×L×L, the mean over the heads)",
            f"parameters: 4 matrices of {layer.embed_dim} × {layer.embed_dim}, with biases",
        ],
    )


def _classes(layer: Any, sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    classes = sample[0]
    if type(layer).__name__ == "NLLLoss":
        return [], ["takes log-probabilities (log_softmax), not raw outputs"]
    return (
        [f"a network that knows nothing begins at ln {classes} = {math.log(classes):.4f}"],
        [
            "takes raw outputs: no softmax before it, it does that itself",
            f"labels are 0 … {classes - 1}, int64; ignore_index={layer.ignore_index} is passed over",
        ],
    )


def _targets(layer: Any, _sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    notes = [
        "answers and targets of one shape: (B, 1) against (B) compares everything with everything"
    ]
    name = type(layer).__name__
    if name == "BCEWithLogitsLoss":
        notes.append(
            "takes raw outputs: no sigmoid before it; a network that knows nothing begins at ln 2 = 0.6931"
        )
    elif name == "BCELoss":
        notes.append("takes probabilities (after a sigmoid); BCEWithLogitsLoss is safer")
    elif name == "KLDivLoss":
        notes.append('the answers are log-probabilities; reduction="batchmean" is the divergence')
    return [], notes


def _dropout(layer: Any, _sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    return [], [
        f"in training each value is zero with probability {layer.p} and the rest is divided by {1 - layer.p:.4g}; "
        "after model.eval() nothing happens"
    ]


def _upsample(layer: Any, sample: tuple[int, ...]) -> tuple[list[str], list[str]]:
    if layer.scale_factor is None:
        return [f"size = {layer.size}"], ["no parameters"]
    factors = _sides(layer.scale_factor, len(sample) - 1)
    return [
        f"{name} = floor({size} × {factor:g}) = {math.floor(size * factor)}"
        for name, size, factor in zip(_names(len(sample) - 1), sample[1:], factors, strict=True)
    ], ["no parameters"]


_TELLERS = (
    (r"(?:Lazy)?Linear", _linear),
    (r"Flatten", _flatten),
    (r"Adaptive\w+Pool\dd", _adaptive),
    (r"(?:Lazy)?(?:BatchNorm|InstanceNorm)\dd", _norm),
    (r"LayerNorm|RMSNorm|GroupNorm", _layer_norm),
    (r"Embedding", _embedding),
    (r"LSTM|GRU|RNN", _recurrent),
    (r"MultiheadAttention", _attention),
    (r"CrossEntropyLoss|NLLLoss", _classes),
    (r"\w*Loss", _targets),
    (r"\w*Dropout(?:\dd)?", _dropout),
    (r"Upsample", _upsample),
)
