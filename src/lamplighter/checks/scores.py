"""What can be read off the scores that enter a loss."""

from __future__ import annotations

import torch
from torch import Tensor

SURE = 1e-3  # how far from 1 a sum of probabilities may be

_VIEWS = (
    "View",
    "Reshape",
    "Alias",
    "Squeeze",
    "Transpose",
    "Permute",
    "TBackward",
    "Select",
    "Slice",
    "Clone",
    "ToCopy",
    "Expand",
)
_LAYERS = (
    "Addmm",
    "MmBackward",
    "Bmm",
    "Baddbmm",
    "Convolution",
    "AddBackward",
    "MulBackward",
    "SubBackward",
    "DivBackward",
    "Mean",
    "Sum",
    "Einsum",
    "NativeLayerNorm",
    "BatchNorm",
    "Embedding",
)


def made_by(values: Tensor) -> str:
    """What the graph says about the last operation before the loss.

    Small logits of a fresh layer can lie in [0, 1] by chance, and no number of them tells those
    from a sigmoid's; the graph does, where there is one.

    Returns:
        "layer" for an affine layer, a sum or a mean; "sigmoid" for one; "else" otherwise, also
        without a graph.
    """
    node = values.grad_fn
    while node is not None and any(view in node.name() for view in _VIEWS):
        node = next((inner for inner, _ in node.next_functions if inner is not None), None)
    if node is None:
        return "else"
    if "SigmoidBackward" in node.name():  # LogSigmoid's begins likewise and gives no probability
        return "else" if "Log" in node.name() else "sigmoid"
    return "layer" if any(kind in node.name() for kind in _LAYERS) else "else"


def class_dim(scores: Tensor) -> int:
    """Where the classes are, as PyTorch's losses have it."""
    return 0 if scores.dim() <= 1 else 1


def in_unit_interval(values: Tensor) -> bool:
    """Whether all values are from 0 to 1."""
    low, high = torch.aminmax(values.detach().float())
    return bool(low >= 0) and bool(high <= 1)


def sums_to_one(values: Tensor, dim: int) -> bool:
    """Whether all sums along a dimension are 1."""
    sums = values.detach().float().sum(dim)
    return float((sums - 1).abs().max()) < SURE


def is_flat(values: Tensor) -> bool:
    """Whether all values are the same: a head that begins at zero says nothing."""
    low, high = torch.aminmax(values.detach())
    return bool(low == high)
