"""What can be read off the scores that enter a loss."""

from __future__ import annotations

from typing import Any

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
    node = _maker_of(values)
    if node is None:
        return "else"
    if "SigmoidBackward" in node.name():  # LogSigmoid's begins likewise and gives no probability
        return "else" if "Log" in node.name() else "sigmoid"
    if _is_written_sigmoid(node):
        return "sigmoid"
    return "layer" if any(kind in node.name() for kind in _LAYERS) else "else"


def _maker_of(values: Tensor) -> Any:
    """The node of a graph that computed some values, behind all that lays them out otherwise."""
    node: Any = values.grad_fn
    while node is not None and any(view in node.name() for view in _VIEWS):
        node = next((inner for inner, _ in node.next_functions if inner is not None), None)
    return node


def dim_of_log_softmax(values: Tensor) -> int | None:
    """The dimension, from 0, over which a log-softmax has made some values; None: nothing of that kind."""
    node = _maker_of(values)
    if node is None or not node.name().startswith("LogSoftmaxBackward"):
        return None
    dim = int(node._saved_dim)
    dim -= 2**64 if dim >= 2**63 else 0  # torch keeps a negative one as if it had no sign
    return dim % node._saved_result.dim()


def _is_written_sigmoid(node: Any) -> bool:
    """Whether a node is the end of 1 / (1 + exp(-x)) or of exp(x) / (1 + exp(x))."""
    if node.name().startswith("DivBackward"):
        above, below = [*(inner for inner, _ in node.next_functions), None, None][:2]
        if above is None or not above.name().startswith("Exp") or not _is_one_more(below):
            return False
        inner = next(n for n, _ in below.next_functions if n is not None)
        return bool(above.next_functions == inner.next_functions)
    if node.name().startswith("MulBackward"):  # 1 / x is written as 1 * reciprocal(x)
        node = node.next_functions[0][0]
    if node is None or not node.name().startswith("ReciprocalBackward"):
        return False
    return _is_one_more(node.next_functions[0][0])


def _is_one_more(node: Any) -> bool:
    """Whether a node adds a number to an exponential."""
    if node is None or not node.name().startswith("AddBackward"):
        return False
    given = [inner for inner, _ in node.next_functions if inner is not None]
    return len(given) == 1 and given[0].name().startswith("ExpBackward")


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
