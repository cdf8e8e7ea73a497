"""Errors of GPUs and of joined machines, from texts that people reported; the source is beside each."""

from __future__ import annotations

import pytest

from lamplighter.explain import explain_traceback

CASES = [
    # github.com/pytorch/tutorials/issues/1300
    (
        "lengths-on-gpu",
        "RuntimeError: 'lengths' argument should be a 1D CPU int64 tensor, but got 1D cuda:0 Long tensor",
        "on cuda:0",
    ),
    # github.com/pytorch/pytorch/issues/34220
    (
        "illegal-memory-access",
        "RuntimeError: CUDA error: an illegal memory access was encountered",
        "an index or a label out of range",
    ),
    # github.com/JIA-Lab-research/PointGroup/issues/29
    ("cudnn-failed", "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", "memory is full"),
    # github.com/pytorch/pytorch/issues/77764
    (
        "mps-not-implemented",
        "NotImplementedError: The operator 'aten::upsample_bicubic2d.out' is not currently implemented for the MPS device.",
        "`aten::upsample_bicubic2d.out` does not exist",
    ),
    # github.com/Peterande/D-FINE/issues/289
    (
        "gpu-shared-by-ranks",
        "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1691, invalid usage (run with NCCL_DEBUG=WARN for details), NCCL version 2.19.3\nncclInvalidUsage: This usually reflects invalid usage of NCCL library.\nLast error:\nDuplicate GPU detected : rank 0 and rank 1 both on CUDA device 2000",
        "Rank 0 and rank 1 both took the same GPU",
    ),
    # github.com/facebookresearch/SlowFast/issues/535
    (
        "nccl-failed",
        "RuntimeError: NCCL error in: /pytorch/torch/lib/c10d/ProcessGroupNCCL.cpp:825, unhandled system error, NCCL version 2.7.8\nncclSystemError: System call (socket, malloc, munmap, etc) failed",
        "reports: unhandled system error",
    ),
    # github.com/occlum/occlum/issues/1604
    (
        "gloo-failed",
        "RuntimeError: Gloo connectFullMesh failed with [../third_party/gloo/gloo/transport/tcp/pair.cc:144] no error",
        "never got a connection",
    ),
    # github.com/vllm-project/vllm/issues/19670
    (
        "rendezvous-timeout",
        "torch.distributed.DistNetworkError: The client socket has timed out after 600000ms while trying to connect to (172.17.0.9, 46229).",
        "waited 600000ms for rank 0 at 172.17.0.9:46229",
    ),
    # github.com/huggingface/optimum/pull/1331
    (
        "onnx-operator",
        "torch.onnx.errors.UnsupportedOperatorError: Exporting the operator 'aten::tril' to ONNX opset version 13 is not supported. Support for this operator was added in version 14, try exporting with this version.",
        "version 14 has it",
    ),
    # github.com/onnx/onnx/issues/3154
    (
        "onnx-operator",
        "RuntimeError: Exporting the operator uniform to ONNX opset version 9 is not supported.",
        "`uniform` cannot be written in ONNX version 9.",
    ),
    # github.com/pytorch/pytorch/issues/131284
    (
        "library-missing",
        "OSError: libcudart.so.12: cannot open shared object file: No such file or directory",
        "libcudart.so.12 is not found",
    ),
    # torch/cuda/__init__.py and c10/cuda/CUDAFunctions.cpp say so
    (
        "cuda-start-failed",
        "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling NumCudaDevices() that might have already set an error? Error 804: forward compatibility was attempted on non supported HW",
        "The driver is there and does not start",
    ),
    # numpy/_core/_exceptions.py builds the text so
    (
        "memory-of-array",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 22.4 GiB for an array with shape (60000, 224, 224) and data type float64",
        "(60000, 224, 224) of float64",
    ),
    # the short form, without figures, of a failed call outside torch's own memory
    ("cuda-out-of-memory", "RuntimeError: CUDA error: out of memory", "The GPU's memory is full"),
]


@pytest.mark.parametrize(("kind", "text", "says"), CASES, ids=[c[0] for c in CASES])
def test_a_reported_error_is_explained(kind: str, text: str, says: str) -> None:
    """The text is recognised as its kind and its own figures are told."""
    found = explain_traceback(text)
    assert found is not None
    assert found.kind == kind
    assert says in found.meaning
    assert found.fixes
