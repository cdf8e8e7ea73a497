"""What is said of float32 on a GPU."""

from __future__ import annotations

import torch

from lamplighter.training.precision import tf32_policy


def test_what_a_gpu_makes_of_float32_is_said() -> None:
    """As torch is set, each kind by itself; nothing is said, or set, on other devices."""
    cuda = torch.device("cuda")
    convolutions, products = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = convolutions.fp32_precision, products.fp32_precision
    try:
        convolutions.fp32_precision, products.fp32_precision = "tf32", "ieee"
        assert "convolutions round their factors to TF32" in tf32_policy(cuda)
        assert "matrix products" not in tf32_policy(cuda)
        products.fp32_precision = "tf32"
        assert "convolutions and matrix products round" in tf32_policy(cuda)
        assert 'fp32_precision = "ieee" computes in full' in tf32_policy(cuda)
        convolutions.fp32_precision = products.fp32_precision = "ieee"
        assert "computed in full, without TF32" in tf32_policy(cuda)
        assert tf32_policy(torch.device("cpu")) == ""
        assert (convolutions.fp32_precision, products.fp32_precision) == ("ieee", "ieee")
    finally:
        convolutions.fp32_precision, products.fp32_precision = before
