"""Compilation, several processes, logging, packages."""

from __future__ import annotations

import re

from lamplighter.explain.kind import Case, Kind

_PACKAGES: dict[str, str] = {
    "cv2": "opencv-python",
    "PIL": "Pillow",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "PyYAML",
}


def _child(case: Case) -> str:
    exit_code = re.search(r"exitcode\s*:\s*(-?\d+)", case.trace.text)
    code = int(exit_code[1]) if exit_code else None
    if code == -9:
        return (
            "torchrun's child process was killed by signal 9: nearly always the system, because the "
            "memory (RAM, not the GPU's) was full."
        )
    if code is not None and code < 0:
        return f"torchrun's child process was ended by signal {-code}."
    return (
        "torchrun only says that a child process failed; the error itself was printed by that process, "
        "above or in another rank's log, and is not in this text."
    )


def _dynamo(case: Case) -> str:
    why = re.search(r"Explanation: ([^\n]+)", case.raised.message)
    place = re.search(r'from user code:\s+File "([^"]+)", line (\d+)', case.raised.message)
    told = "torch.compile met Python that it cannot put into a graph, and fullgraph=True (or export) forbids going around it."
    if why:
        told += f" {why[1]}"
    if place:
        told += f" It is at {place[1]}:{place[2]}."
    return told


PROGRAMS: tuple[Kind, ...] = (
    Kind(
        "compile-backend",
        "torch.compile could not build its kernels",
        r"backend='(?P<backend>\w+)' raised|Cannot find a working triton installation|Failed to find C compiler|Compiler: cl is not found|(?:InductorError|CppCompileError)",
        "torch.compile turns the model into C++ or Triton code, which needs a compiler (or Triton) that is "
        "missing or does not work here. The model itself is not at fault.",
        (
            "model = model   # without torch.compile: the same results, perhaps slower",
            "sudo apt install g++   # Linux; on Windows the MSVC build tools",
            "pip install triton   # for NVIDIA GPUs on Linux",
        ),
    ),
    Kind(
        "compile-unsupported",
        "torch.compile does not understand this code",
        r"Failed to trace|Explanation: |Unsupported: |torch\._dynamo\.exc",
        _dynamo,
        (
            "torch.compile(model)   # without fullgraph=True: it goes on in plain Python there",
            "take prints, .item() and if on tensor values out of forward()",
            "@torch.compiler.disable   # on the function at fault",
        ),
        types=("Unsupported", "UserError", "TorchRuntimeError", "InternalTorchDynamoError"),
    ),
    Kind(
        "address-in-use",
        "the port for the processes to meet is taken",
        r"EADDRINUSE|[Aa]ddress already in use",
        lambda case: (
            (
                f"Port {port[1]} is taken"
                if (port := re.search(r"port: (\d+)", case.raised.message))
                else "The port is taken"
            )
            + ", usually by another training on this machine or one that has not ended."
        ),
        (
            "torchrun --rdzv-backend=c10d --rdzv-endpoint=localhost:0 …   # picks a free one",
            "MASTER_PORT=29511",
            "ps aux | grep train.py   # what still runs",
        ),
        anywhere=True,
    ),
    Kind(
        "nccl-timeout",
        "the processes waited for each other in vain",
        r"Watchdog caught collective operation timeout: \w+\(SeqNum=(?P<n>\d+), OpType=(?P<op>\w+)[^)]*Timeout\(ms\)=(?P<ms>\d+)\)",
        lambda case: (
            f"One process waited {int(case['ms']) // 1000} s in {case['op']} (call number {case['n']}) for another "
            "that never came: it crashed, hangs, has fewer batches, or took another branch (saving or "
            "evaluating on rank 0 only). Look for the first error of any rank above."
        ),
        (
            "every rank must do the same number of steps: DistributedSampler, drop_last=True",
            "dist.barrier() around work that only rank 0 does",
            "NCCL_DEBUG=INFO; TORCH_NCCL_DUMP_ON_TIMEOUT=1",
            "init_process_group(…, timeout=timedelta(hours=1))   # only if rank 0's work really takes so long",
        ),
        anywhere=True,
    ),
    Kind(
        "ddp-unused",
        "parameters that took no part in the loss",
        r"Expected to have finished reduction in the prior iteration before starting a new one",
        "DistributedDataParallel waits for the gradient of every parameter, and some took no part: a layer "
        "that forward() never calls, or a branch that is not always taken.",
        (
            "remove or freeze (requires_grad_(False)) the unused layers before wrapping",
            "DistributedDataParallel(model, find_unused_parameters=True)",
            "TORCH_DISTRIBUTED_DEBUG=DETAIL   # names them",
        ),
    ),
    Kind(
        "distributed-environment",
        "started without torchrun",
        r"environment variable (?P<name>\w+) expected, but not set",
        "init_process_group reads {name} from the environment, which torchrun sets; the script was started by python alone.",
        ("torchrun --nproc-per-node=2 train.py",),
    ),
    Kind(
        "distributed-not-started",
        "the processes have not been joined",
        r"Default process group has not been initialized",
        "A distributed function was called before init_process_group (or after destroy_process_group).",
        ('dist.init_process_group("gloo")   # first', "if dist.is_initialized(): …"),
    ),
    Kind(
        "nccl-without-gpu",
        "NCCL needs GPUs",
        r"ProcessGroupNCCL is only supported with GPUs",
        "The NCCL backend joins GPUs, and torch sees none here.",
        ('dist.init_process_group("gloo")   # on CPUs', "lamp doctor"),
    ),
    Kind(
        "protobuf",
        "protobuf does not go with TensorBoard",
        r"Descriptors cannot (?:not )?be created directly",
        "The installed protobuf is too new for the generated code of a package, most often an old TensorBoard.",
        (
            "pip install --upgrade tensorboard protobuf",
            'pip install "protobuf<3.21"   # if the old package must stay',
        ),
    ),
    Kind(
        "numpy-two",
        "a package was built for NumPy 1",
        r"A module that was compiled using NumPy 1\.x cannot be run in|numpy\.dtype size changed|Numpy is not available|_ARRAY_API not found",
        "A compiled package (an old torch, OpenCV, pandas) was built for NumPy 1 and meets NumPy 2.",
        ("upgrade the package that is named", 'pip install "numpy<2"'),
        anywhere=True,
    ),
    Kind(
        "package-missing",
        "a package is not installed",
        r"No module named '(?P<name>[\w.]+)'",
        lambda case: (
            f"The file holds a whole model whose class lives in module `{case['name']}`, which is not "
            "here: pickled models need the code they were saved with, at the same place."
            if case.trace.passes("torch/serialization.py")
            else f"Python finds no `{case['name']}` among the installed packages of this interpreter, nor "
            "beside the script."
        ),
        lambda case: (
            (
                f"run it where {case['name'].split('.')[0]}.py or its folder can be imported",
                "torch.save(model.state_dict(), path)   # where it is made: weights only",
            )
            if case.trace.passes("torch/serialization.py")
            else (
                f"python -m pip install {_PACKAGES.get(case['name'].split('.')[0], case['name'].split('.')[0])}",
                "which python   # is it the environment that you installed into?",
            )
        ),
        types=("ModuleNotFoundError", "ImportError"),
    ),
    Kind(
        "child-failed",
        "a process of torchrun failed",
        r".*",
        _child,
        (
            "read the first traceback above this one",
            "from torch.distributed.elastic.multiprocessing.errors import record; @record on main()   # prints it here",
        ),
        types=("ChildFailedError",),
        wrapper=True,
    ),
)
