"""What enters the loss functions of PyTorch, also inside a loss that the user wrote.

A `TorchFunctionMode` sees each call of `torch.nn.functional`, whoever makes it; it changes nothing
and keeps references only, so the tensors must be looked at before the next step.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

LOSS_FUNCTIONS: dict[Any, str] = {
    F.cross_entropy: "cross_entropy",
    F.nll_loss: "nll_loss",
    F.binary_cross_entropy: "binary_cross_entropy",
    F.binary_cross_entropy_with_logits: "binary_cross_entropy_with_logits",
    F.mse_loss: "mse_loss",
    F.l1_loss: "l1_loss",
    F.smooth_l1_loss: "smooth_l1_loss",
    F.huber_loss: "huber_loss",
    F.kl_div: "kl_div",
    F.poisson_nll_loss: "poisson_nll_loss",
    F.soft_margin_loss: "soft_margin_loss",
    F.multilabel_soft_margin_loss: "multilabel_soft_margin_loss",
    F.multi_margin_loss: "multi_margin_loss",
}
ELEMENTWISE = frozenset(
    {
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
        "kl_div",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
    }
)
# what is compared by how far it is apart
AMOUNTS = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"})
SUBTRACTIONS = frozenset({torch.sub, torch.subtract, Tensor.sub, Tensor.__sub__, Tensor.__rsub__})
_SIGNATURES: dict[Any, tuple[str, ...]] = {
    function: tuple(inspect.signature(function).parameters) for function in LOSS_FUNCTIONS
}


@dataclass
class LossCall:
    """One call of a loss function of PyTorch.

    Args:
        name: name in `torch.nn.functional`, or "subtraction" for a difference written by hand.
        input: the first argument, of any shape; with its graph.
        target: the second argument.
        options: further arguments by name (`weight`, `ignore_index`, `reduction`, ...).
        value: what the function returned.
    """

    name: str
    input: Tensor
    target: Tensor
    options: dict[str, Any] = field(default_factory=dict)
    value: Tensor | None = None

    @property
    def ignore_index(self) -> int:
        """The class index that does not count; PyTorch's default is -100."""
        index = self.options.get("ignore_index", -100)
        return -100 if index is None else int(index)


class LossesSeen(TorchFunctionMode):
    """Records the calls of loss functions made while it is entered.

    Args:
        targets: tensors of the batch that are labels; a difference between a prediction and one
            of them that broadcasts is recorded too, as "subtraction".
        tell: called with each call as it is seen, instead of keeping it in `calls`.
    """

    def __init__(
        self, targets: Sequence[Tensor] = (), tell: Callable[[LossCall], None] | None = None
    ) -> None:
        super().__init__()
        self.calls: list[LossCall] = []
        self.targets = targets
        self._tell = tell or self.calls.append

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        value = func(*args, **kwargs)
        # Where a training is watched, torch hands over the listening function in its place.
        known = inspect.unwrap(func) if hasattr(func, "__wrapped__") else func
        if known in LOSS_FUNCTIONS:
            call = _read_call(known, args, kwargs, value)
            if call is not None:
                self._tell(call)
        elif self.targets and func in SUBTRACTIONS and len(args) == 2:
            call = self._read_difference(args, value)
            if call is not None:
                self._tell(call)
        return value

    def _read_difference(self, args: Any, value: Any) -> LossCall | None:
        one, other = args
        if not (isinstance(one, Tensor) and isinstance(other, Tensor)):
            return None
        if self._is_target(other):
            return LossCall("subtraction", one, other, {}, value)
        if self._is_target(one):
            return LossCall("subtraction", other, one, {}, value)
        return None

    def _is_target(self, tensor: Tensor) -> bool:
        return any(tensor is target for target in self.targets)


def _read_call(func: Any, args: Any, kwargs: dict[str, Any], value: Any) -> LossCall | None:
    given = dict(zip(_SIGNATURES[func], args, strict=False)) | kwargs
    first, target = given.pop("input", None), given.pop("target", None)
    if not (isinstance(first, Tensor) and isinstance(target, Tensor)):
        return None
    kept = value if isinstance(value, Tensor) else None
    return LossCall(LOSS_FUNCTIONS[func], first, target, given, kept)
