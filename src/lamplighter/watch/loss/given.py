"""Whether a tensor is what the loader gave beside the inputs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def is_given(target: Tensor, batch: Sequence[Tensor]) -> bool:
    """Whether a tensor holds the values of one of these, perhaps in another shape or type.

    Args:
        target: any tensor.
        batch: tensors of the newest batch, without its inputs.
    """
    flat = target.detach().flatten()
    fitting = [t.detach().flatten() for t in batch if t.numel() == flat.numel()]
    return any(torch.equal(t.to(flat.device, flat.dtype), flat) for t in fitting)
