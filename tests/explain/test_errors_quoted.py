"""Errors that a CPU cannot raise, from texts that people reported; the source stands beside each."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.explain import explain_traceback
from lamplighter.explain.errors import KINDS

CASES = [
    # github.com/wmyw96/FAST-NN/issues/1
    (
        "device-mismatch",
        "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cpu and cuda:0! (when checking argument for argument mat2 in method wrapper_mm)",
        "on cpu and another on cuda:0 (argument `mat2`",
    ),
    # github.com/glam-imperial/cider/issues/6
    (
        "device-layer",
        "RuntimeError: Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same",
        "input is on the CPU and the model's weights on the GPU",
    ),
    # github.com/sksq96/pytorch-summary/issues/52
    (
        "device-layer",
        "RuntimeError: Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same",
        "input is on the GPU and the model's weights on the CPU",
    ),
    # raised on a processor that computes with float16 itself
    (
        "dtype-expected",
        "RuntimeError: Input type (torch.HalfTensor) and weight type (torch.FloatTensor) should be the same or input should be a MKLDNN tensor and weight is a dense tensor",
        "wants single precision (float32) and found half precision (float16)",
    ),
    # github.com/pytorch/pytorch/issues/16417
    (
        "cuda-out-of-memory",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 22.00 MiB. GPU 0 has a total capacity of 23.65 GiB of which 11.06 MiB is free. Including non-PyTorch memory, this process has 23.60 GiB memory in use. Of the allocated memory 22.90 GiB is allocated by PyTorch, and 194.87 MiB is reserved by PyTorch but unallocated.",
        "22.00 MiB more were asked for, the GPU has 23.65 GiB, 11.06 MiB is free, 22.90 GiB is held",
    ),
    # github.com/OPIXray-author/OPIXray/issues/5
    (
        "cuda-out-of-memory",
        "RuntimeError: CUDA out of memory. Tried to allocate 264.00 MiB (GPU 0; 2.00 GiB total capacity; 788.51 MiB already allocated; 145.93 MiB free; 1.02 GiB reserved in total by PyTorch)",
        "the GPU has 2.00 GiB, 145.93 MiB is free, 788.51 MiB is held",
    ),
    # github.com/firewaterfire/HKDnet/issues/1
    (
        "cuda-library-memory",
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "memory is full",
    ),
    # github.com/milesial/Pytorch-UNet/issues/375
    (
        "device-side-assert",
        '../aten/src/ATen/native/cuda/NLLLoss2d.cu:103: nll_loss2d_forward_kernel: block: [3,0,0], thread: [929,0,0] Assertion `t >= 0 && t < n_classes` failed.\nTraceback (most recent call last):\n  File "train.py", line 379, in train_model\n    running_loss += loss.item()\nRuntimeError: CUDA error: device-side assert triggered',
        "a label is negative or not below the number of outputs",
    ),
    # github.com/Turoad/CLRNet/issues/83
    (
        "no-kernel-image",
        'UserWarning: \nNVIDIA GeForce RTX 3090 with CUDA capability sm_86 is not compatible with the current PyTorch installation.\nThe current PyTorch install supports CUDA capabilities sm_37 sm_50 sm_60 sm_70.\nTraceback (most recent call last):\n  File "main.py", line 3, in <module>\n    x.cuda() + 1\nRuntimeError: CUDA error: no kernel image is available for execution on the device',
        "The card is sm_86. This torch holds sm_37 sm_50 sm_60 sm_70",
    ),
    # github.com/lllyasviel/Fooocus/issues/1313
    (
        "driver-too-old",
        "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by downloading and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx",
        "CUDA up to 11.4",
    ),
    # github.com/pytorch/pytorch/issues/28111
    (
        "torch-without-cuda",
        "AssertionError: Torch not compiled with CUDA enabled",
        "CPU build",
    ),
    # the text of a machine without a driver, raised here by torch 2.14's CUDA build
    (
        "no-driver",
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver from http://www.nvidia.com/Download/index.aspx",
        "--gpus all",
    ),
    # github.com/hkchengrex/Cutie/issues/37
    (
        "cuda-checkpoint-on-cpu",
        "RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU.",
        "marked for the GPU",
    ),
    # github.com/Zhongdao/Towards-Realtime-MOT/issues/257
    (
        "numpy-on-gpu",
        "TypeError: can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.",
        "the tensor is on cuda:0",
    ),
    # github.com/pytorch/pytorch/issues/122494
    (
        "torchvision-mismatch",
        "RuntimeError: operator torchvision::nms does not exist",
        "0.(x + 15)",
    ),
    # github.com/pytorch/pytorch/issues/108861
    (
        "shared-memory",
        "RuntimeError: DataLoader worker (pid 11011) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. Please try to raise your shared memory limit",
        "/dev/shm",
    ),
    # github.com/zju3dv/NeuralRecon/issues/91
    (
        "too-many-files",
        "RuntimeError: Too many open files. Communication with the workers is no longer possible. Please increase the limit using `ulimit -n` in the shell",
        "ulimit -n",
    ),
    # github.com/kwuking/TimeMixer/issues/21
    (
        "main-guard",
        "RuntimeError: \n        An attempt has been made to start a new process before the\n        current process has finished its bootstrapping phase.\n\n        This probably means that you are not using fork to start your\n        child processes and you have forgotten to use the proper idiom\n        in the main module:",
        "imports the script anew",
    ),
    # github.com/computational-cell-analytics/dl-for-micro/issues/20
    (
        "notebook-worker",
        "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n  File \"C:\\Users\\me\\Lib\\multiprocessing\\spawn.py\", line 132, in _main\n    self = reduction.pickle.load(from_parent)\nAttributeError: Can't get attribute 'CustomDataset' on <module '__main__' (built-in)>",
        "does not know `CustomDataset`",
    ),
    # github.com/facebookresearch/pycls/issues/183
    (
        "cuda-in-worker",
        "RuntimeError: Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must use the 'spawn' start method",
        "inside a worker",
    ),
    # github.com/AUTOMATIC1111/stable-diffusion-webui/issues/11033
    (
        "cpu-out-of-memory",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:72] data. DefaultCPUAllocator: not enough memory: you tried to allocate 41943040000 bytes.",
        "39.06 GiB",
    ),
    # github.com/ray-project/ray/issues/33666 has it in Chinese; the number is what is recognised
    (
        "paging-file",
        "OSError: [WinError 1455] The paging file is too small for this operation to complete",
        "paging file",
    ),
    # github.com/OFA-Sys/OFA/issues/271
    (
        "nccl-timeout",
        "[E ProcessGroupNCCL.cpp:737] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=469508, OpType=ALLREDUCE, Timeout(ms)=1800000) ran for 1802212 milliseconds before timing out.",
        "waited 1800 s in ALLREDUCE (call number 469508)",
    ),
    # github.com/hiyouga/LlamaFactory/issues/7396
    (
        "nccl-timeout",
        "[80746] [rank0]:[E321 02:07:08.408271257 ProcessGroupNCCL.cpp:607] [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1580, OpType=ALLREDUCE, NumelIn=466119168, NumelOut=466119168, Timeout(ms)=600000) ran for 600060 milliseconds before timing out.",
        "waited 600 s",
    ),
    # github.com/ImprintLab/MedSegDiff/issues/27
    (
        "ddp-unused",
        "RuntimeError: Expected to have finished reduction in the prior iteration before starting a new one. This error indicates that your module has parameters that were not used in producing loss.",
        "some took no part",
    ),
    # github.com/tensorflow/tensorboard/issues/5817
    (
        "protobuf",
        "TypeError: Descriptors cannot not be created directly.\nIf this call came from a _pb2.py file, your generated code is out of date and must be regenerated with protoc >= 3.19.0.",
        "protobuf is too new",
    ),
    # github.com/pytorch/pytorch/issues/136361
    (
        "compile-backend",
        "torch._dynamo.exc.BackendCompilerFailed: backend='inductor' raised:\nRuntimeError: Cannot find a working triton installation. Either the package is not installed or it is too old.",
        "compiler",
    ),
    # github.com/facebookresearch/flores/issues/30
    (
        "dtype-not-implemented",
        "RuntimeError: \"LayerNormKernelImpl\" not implemented for 'Half'",
        "meant for the GPU",
    ),
    # github.com/wdrink/PyDeepFakeDet/issues/1
    (
        "invalid-device",
        "RuntimeError: CUDA error: invalid device ordinal\nCUDA kernel errors might be asynchronously reported at some other API call",
        "does not have",
    ),
    # github.com/pytorch/pytorch/issues/122602
    (
        "mps-float64",
        "TypeError: Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. Please use float32 instead.",
        "no double precision",
    ),
    # github.com/jupyter/notebook/issues/7522
    (
        "numpy-two",
        "ImportError: \nA module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.0 as it may crash. To support both 1.x and 2.x\nversions of NumPy, modules must be compiled with NumPy 2.0.",
        "built for NumPy 1",
    ),
    # the text of a machine without a GPU, raised here by torch 2.14
    (
        "nccl-without-gpu",
        "ValueError: ProcessGroupNCCL is only supported with GPUs, no GPUs found!",
        "torch sees none",
    ),
    # github.com/lmzpai/roboMamba/issues/10
    (
        "child-failed",
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n=====\ntest.py FAILED\n-----\nRoot Cause (first observed failure):\n[0]:\n  rank      : 5 (local_rank: 5)\n  exitcode  : -9 (pid: 2630)\n",
        "killed by signal 9",
    ),
]


@pytest.mark.parametrize(("kind", "text", "says"), CASES, ids=[c[0] for c in CASES])
def test_a_reported_error_is_explained(kind: str, text: str, says: str) -> None:
    """The text is recognised as its kind and its own figures are told."""
    found = explain_traceback(text)
    assert found is not None
    assert found.kind == kind
    assert says in found.meaning
    assert found.fixes


def test_there_are_at_least_forty_kinds_and_no_name_twice() -> None:
    """The table of kinds is as long as promised, and its names are keys."""
    names = [kind.name for kind in KINDS]
    assert len(names) == len(set(names))
    assert len(names) >= 40


def test_every_kind_has_a_test() -> None:
    """A kind without a real text that it explains may not enter the table."""
    tests = "".join(
        path.read_text("utf-8") for path in Path(__file__).parent.glob("test_errors*.py")
    )
    assert [kind.name for kind in KINDS if f'"{kind.name}"' not in tests] == []
