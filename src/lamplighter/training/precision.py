"""The arithmetic of a step behind three calls, so that the step has one path and no branches."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.errors import UsageError

TORCHS_OWN = inspect.unwrap(torch.optim.Optimizer.zero_grad)


class Precision:
    """float32: forward plainly, backward plainly, step when the gradients are finite."""

    name = "fp32"

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def forward(self) -> AbstractContextManager[Any]:
        """Wraps the forward pass and the loss."""
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        """Adds this loss's gradients."""
        loss.backward()

    def step(
        self, optimizer: torch.optim.Optimizer, clip: float, moved: Sequence[nn.Parameter] = ()
    ) -> Tensor:
        """Clips and applies the gradients.

        Args:
            optimizer: moves the parameters.
            clip: largest norm; 0 is off.
            moved: its parameters in the order in which the norm is summed; empty: in its own.

        Returns:
            The gradients' norm before clipping, 0-d float32 on the device; not finite when the
            update was left out.
        """
        norm = gradient_norm(optimizer, clip, moved)
        # on the CPU looking at a number costs nothing; elsewhere it would wait for the device, and
        # the loop looks at its log points instead
        if self.device.type != "cpu" or math.isfinite(norm.item()):
            optimizer.step()
        return norm

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores `state_dict`."""


class Bfloat16(Precision):
    """Matrix products and convolutions in bfloat16; weights and losses in float32."""

    name = "bf16"

    def forward(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16)


class Float16(Precision):
    """As bfloat16, with the loss scaled so that small gradients survive."""

    name = "fp16"

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.scaler = torch.amp.GradScaler(device.type)

    def forward(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.float16)

    def backward(self, loss: Tensor) -> None:
        self.scaler.scale(loss).backward()

    def step(
        self, optimizer: torch.optim.Optimizer, clip: float, moved: Sequence[nn.Parameter] = ()
    ) -> Tensor:
        self.scaler.unscale_(optimizer)  # clipping must see the true gradients
        norm = gradient_norm(optimizer, clip, moved)
        self.scaler.step(optimizer)
        self.scaler.update()
        # a step left out while the scale is being found is no divergence
        return torch.nan_to_num(norm, nan=0.0, posinf=0.0)

    def state_dict(self) -> dict[str, Any]:
        return self.scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scaler.load_state_dict(state)


PRECISIONS: dict[str, type[Precision]] = {"fp32": Precision, "bf16": Bfloat16, "fp16": Float16}


def make_precision(name: str, device: torch.device) -> Precision:
    """The precision of that name on that device.

    Raises:
        UsageError: fp16 on a CPU, where it is slower and overflows.
    """
    if name == "fp16" and device.type == "cpu":
        raise UsageError(
            "fp16 trains on GPUs only", where="--precision", fix="use --precision bf16 or fp32"
        )
    return PRECISIONS[name](device)


def tf32_policy(device: torch.device) -> str:
    """What an NVIDIA GPU makes of float32, in words; "" elsewhere. Nothing is set here.

    Source: torch.backends.*.fp32_precision, "CUDA semantics" in torch's documentation.
    """
    if device.type != "cuda":
        return ""
    cudnn: Any = torch.backends.cudnn  # torch's types do not know `conv`
    parts = {
        "convolutions": cudnn.conv,
        "matrix products": torch.backends.cuda.matmul,
    }
    rounded = [name for name, part in parts.items() if part.fp32_precision == "tf32"]
    if not rounded:
        return "float32 on this GPU is computed in full, without TF32, as torch is set"
    return (
        f"float32 on this GPU: {' and '.join(rounded)} round their factors to TF32 (10 bits), as torch is set; "
        'torch.backends.fp32_precision = "ieee" computes in full'
    )


def gradient_norm(
    optimizer: torch.optim.Optimizer, clip: float, moved: Sequence[nn.Parameter] = ()
) -> Tensor:
    """The norm over the gradients that the optimizer will use.

    Args:
        clip: they are scaled to this norm when it is above 0 and exceeded.
        moved: the optimizer's parameters in another order than its own.
    """
    # the optimizer's own list: walking through a deep module costs more than the norm
    parameters = moved or [p for group in optimizer.param_groups for p in group["params"]]
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return torch.zeros((), device=parameters[0].device if parameters else None)
    try:
        # what get_total_norm does for gradients of one kind, at a third of its cost
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    except RuntimeError:  # on several devices, sparse, or of several dtypes
        norm = nn.utils.get_total_norm(gradients)
    if clip > 0:
        nn.utils.clip_grads_with_norm_(parameters, clip, norm)
    return norm.detach()


def clear_gradients(optimizer: torch.optim.Optimizer) -> None:
    """`optimizer.zero_grad()`, without what torch's own records about it: a tenth of a small step."""
    if type(optimizer).zero_grad not in (torch.optim.Optimizer.zero_grad, TORCHS_OWN):
        optimizer.zero_grad(set_to_none=True)
        return
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
