"""What to write where a network or a loss refused a batch: by what it said and what it was given."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

NETWORK, LOSS = "give it what it expects", "look at the shapes and types of prediction and target"
FLOATS = "make the inputs float32: x.float() in the data set, or array.astype('float32')"
BYTES = "give it float pictures: ToTensor(), or x.float() / 255"

# what torch says → what to write; of the loss, and of the network
LOSS_FIXES: tuple[tuple[str, str], ...] = (
    ("multi-target not supported", "one class number per sample, of shape (N,): target.squeeze(1)"),
    (r"dtype to be Long|scalar type Long", "class numbers are int64: target.long()"),
    (
        "same as input size",
        "make the shapes equal: output.squeeze(1), or target.unsqueeze(1)",
    ),
    ("must be Tensor, not NoneType", "end the network's forward() with: return x"),
    ("spatial targets", "return a tensor (N, classes): x.flatten(1) at the end of forward()"),
    (r"expected.*Float.*(Long|Double)|dtype.*Long.*Float", "target.float()"),
)
NETWORK_FIXES: tuple[tuple[str, str], ...] = (
    (r"(?i)byte|unsigned char|uint8", BYTES),
    (r"(?i)double|float64", FLOATS),
)


def fix_for_loss(error: Exception, targets: Any) -> str:
    """What to write where the loss raised.

    Args:
        error: what it raised.
        targets: what it was called with after the outputs.
    """
    text = str(error)
    if "is out of bounds" in text and isinstance(targets, Tensor) and not targets.is_complex():
        low, high = int(targets.min()), int(targets.max())
        told = f"the labels go from {low} to {high}"
        if low == 1:
            return (
                f"{told}: count them from 0 (label - 1 in the data set), one output for each class"
            )
        return f"{told}: the network needs {high + 1} outputs, one for each class"
    return _first(LOSS_FIXES, text) or LOSS


def fix_for_network(error: Exception) -> str:
    """What to write where the network raised."""
    return _first(NETWORK_FIXES, str(error)) or NETWORK


def _first(fixes: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((fix for pattern, fix in fixes if re.search(pattern, text)), None)
