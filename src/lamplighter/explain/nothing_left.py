"""Why a convolution or a pooling has no output at all: the sides worked through, and what to change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lamplighter.explain.formulas import explain_shape, sides_of


def nothing_left(kind: str, layer: Any, sample: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    """What is wrong where a side of the output would be shorter than 1.

    Args:
        kind: class name of the layer.
        layer: the layer.
        sample: shape of one sample, without the batch.

    Returns:
        (the fault with its calculation, argument → the nearest value that would do); empty where
        the output has a size.
    """
    found = re.fullmatch(r"(?:Lazy)?Conv(Transpose)?(\d)d|(?:Max|Avg|LP)Pool(\d)d", kind)
    if not found:
        return "", {}
    sizes = sample[-int(found[2] or found[3]) :]
    wrong, change = _transposed(layer, sizes) if found[1] else _slid(layer, sizes)
    if not wrong:
        return "", {}
    lines, _ = explain_shape(kind, layer, sample)
    worked = [line for line in lines if not line.startswith("C =")]
    return "\n  ".join([wrong, *worked]), change


def _slid(layer: Any, sizes: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    faults: dict[str, list[str]] = {}
    most: list[int] = []
    for name, size, kernel, _, padding, dilation in sides_of(layer, sizes):
        covers, there = dilation * (kernel - 1) + 1, size + 2 * padding
        most.append(min(kernel, (there - 1) // dilation + 1))
        if covers > there:
            padded = f"{size} + 2·{padding} = {there} with its padding" if padding else f"{size}"
            told = f"the kernel covers {_covered(kernel, dilation, covers)}, the input has {padded}"
            faults.setdefault(told, []).append(name)
    if not faults:
        return "", {}
    return f"the kernel is larger than the input: {_told(faults)}", {"kernel_size": _one(most)}


def _covered(kernel: int, dilation: int, covers: int) -> str:
    return f"{kernel}" if dilation == 1 else f"{dilation}·({kernel} − 1) + 1 = {covers}"


def _transposed(layer: Any, sizes: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    sides = list(sides_of(layer, sizes))
    extra = layer.output_padding
    # the length before the padding is cut off at both ends
    whole = [
        (size - 1) * stride + dilation * (kernel - 1) + more + 1
        for (_, size, kernel, stride, _, dilation), more in zip(sides, extra, strict=True)
    ]
    cut: dict[str, list[str]] = {}
    for (name, _, _, _, padding, _), length in zip(sides, whole, strict=True):
        if length - 2 * padding < 1:
            cut.setdefault(f"it takes 2·{padding} from a length of {length}", []).append(name)
    if not cut:
        return "", {}
    most = [min(side[4], (length - 1) // 2) for side, length in zip(sides, whole, strict=True)]
    return f"the padding cuts the whole output away: {_told(cut)}", {"padding": _one(most)}


def _told(faults: Mapping[str, list[str]]) -> str:
    """Each fault with the sides that have it: "along H and W …"."""
    return "; ".join(f"along {' and '.join(names)} {told}" for told, names in faults.items())


def _one(values: list[int]) -> Any:
    """As it is typed: one number for all sides where they are equal."""
    return values[0] if len(set(values)) == 1 else tuple(values)
