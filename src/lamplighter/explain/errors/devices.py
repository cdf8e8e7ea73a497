"""GPUs: what lies where, memory, drivers, builds."""

from __future__ import annotations

import re

from lamplighter.explain.errors.figures import amount
from lamplighter.explain.kind import Case, Kind


def _devices(case: Case) -> str:
    argument = re.search(
        r"argument (?:for argument )?(?P<name>\w+) in method (?P<method>\w+)", case.raised.message
    )
    which = (
        f" (argument `{argument['name']}` of {argument['method'].removeprefix('wrapper_CUDA_').strip('_')})"
        if argument
        else ""
    )
    return (
        f"One tensor is on {case['a']} and another on {case['b']}{which}. Model, inputs, labels, "
        "and every tensor made inside forward() must be on one device."
    )


def _memory(case: Case) -> str:
    text = case.raised.message
    total = re.search(r"total capac\w*ty of ([\d.]+ \w+)|([\d.]+ \w+) total capacity", text)
    free = re.search(r"([\d.]+ \w+)(?: is)? free", text)
    held = re.search(r"([\d.]+ \w+) (?:is allocated by PyTorch|already allocated)", text)
    idle = re.search(r"([\d.]+ \w+) is reserved by PyTorch but unallocated", text)
    asked = f"{case['asked']} more were asked for" if case["asked"] else "The GPU's memory is full"
    parts = [asked]
    if total:
        parts.append(f"the GPU has {total[1] or total[2]}")
    if free:
        parts.append(f"{free[1]} is free")
    if held:
        parts.append(f"{held[1]} is held by this program's tensors")
    told = ", ".join(parts) + "."
    if idle and _mebibytes(idle[1]) > 4 * 1024:
        told += f" {idle[1]} is reserved but unused: the memory is in pieces."
    return (
        f"{told} Memory grows with the batch and with the square of the picture's side; evaluation "
        "without no_grad() and losses kept without item() add to it."
    )


def _mebibytes(text: str) -> float:
    number, unit = text.split()
    return float(number) * {"GiB": 1024, "MiB": 1, "KiB": 1 / 1024}.get(unit, 0)


def _assert(case: Case) -> str:
    text = case.trace.text
    start = (
        "A check inside a GPU kernel failed. The line of the traceback is not the one that caused it, "
        "because the GPU runs behind, and the process cannot use the GPU any more."
    )
    if "t >= 0 && t < n_classes" in text or "cur_target >= 0" in text:
        return f"{start} The failed check is `t >= 0 && t < n_classes`: a label is negative or not below the number of outputs."
    if (
        "srcIndex < srcSelectDimSize" in text
        or "ind >= 0 && ind < ind_dim_size" in text
        or "Indexing.cu" in text
    ):
        return f"{start} The failed check is about an index: an embedding was asked for a row, or a tensor for a position, that it does not have."
    if "input_val >= zero && input_val <= one" in text:
        return f"{start} The failed check is that BCELoss takes probabilities between 0 and 1 (NaN fails it too)."
    return f"{start} The usual cause is a label outside 0 … C − 1, or a token past the end of an embedding."


DEVICES: tuple[Kind, ...] = (
    Kind(
        "device-mismatch",
        "tensors on different devices",
        r"Expected all tensors to be on the same device, but (?:found at least two devices, (?P<a>[\w:]+) and (?P<b>[\w:]+)|got \w+ is on (?P<c>[\w:]+), different from other tensors on (?P<d>[\w:]+))|Tensor on device (?P<e>[\w:]+) is not on the expected device (?P<f>[\w:]+)",
        lambda case: _devices(_Renamed(case)),
        (
            "model.to(device)",
            "images, labels = images.to(device), labels.to(device)   # .to() gives a new tensor: assign it",
            "torch.zeros(n, device=x.device)   # tensors made in forward()",
            "self.register_buffer(…)   # constants that should move with the model; lists → nn.ModuleList",
        ),
    ),
    Kind(
        "device-layer",
        "the model is on one device and the input on another",
        # where both are on one device, their kinds of numbers differ
        r"Input type \(torch\.(?!(?P<same>cuda\.|mps\.|)[A-Z]\w+\) and weight type \(torch\.(?P=same)[A-Z])(?P<a>cuda\.|mps\.)?(?P<x>\w+)\) and weight type \(torch\.(?P<b>cuda\.|mps\.)?(?P<y>\w+)\) should be the same|Input type \((?P<c>\w*(?:CUDA|MPS|CPU)\w*)\) and weight type",
        lambda case: (
            f"The input is on {'the GPU' if case['a'] or 'CUDA' in case['c'] else 'the CPU'} and the model's weights "
            f"on {'the GPU' if case['b'] or 'CPU' in case['c'] else 'the CPU'}."
            if bool(case["a"]) != bool(case["b"]) or case["c"]
            else f"The input is {case['x']} and the weights are {case['y']}."
        ),
        (
            "model.to(device)",
            "images = images.to(device)   # assign it: .to() does not change the tensor itself",
        ),
    ),
    Kind(
        "cuda-out-of-memory",
        "the GPU's memory is full",
        r"(?:CUDA|MPS backend|HIP) out of memory(?:\. Tried to allocate (?P<asked>[\d.]+ \w+)|\.?$|\s*\(MPS allocated|\n)|CUDA error: out of memory",
        _memory,
        (
            "half the batch; with accumulation the training stays the same: step every second batch",
            'with torch.autocast("cuda", dtype=torch.bfloat16): …',
            "with torch.no_grad(): …   # evaluation",
            "total += loss.item()   # not total += loss",
            "nvidia-smi   # another program, or an earlier notebook, may hold the memory",
            "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True   # if much is reserved but unused",
        ),
    ),
    Kind(
        "cuda-library-memory",
        "a CUDA library could not start",
        r"(?P<what>CUBLAS_STATUS_(?:ALLOC_FAILED|NOT_INITIALIZED)|CUDNN_STATUS_(?:NOT_INITIALIZED|ALLOC_FAILED|INTERNAL_ERROR))",
        "{what}: in most cases the GPU's memory is full, sometimes a label or token out of range broke the GPU's state before.",
        (
            "a smaller batch",
            "CUDA_LAUNCH_BLOCKING=1 python train.py   # shows the line that really failed",
            "run a few steps on the CPU: errors are plain there",
        ),
    ),
    Kind(
        "device-side-assert",
        "a label or index out of range, found on the GPU",
        r"device-side assert triggered",
        _assert,
        (
            "CUDA_LAUNCH_BLOCKING=1 python train.py   # then the traceback is right",
            "run one step on the CPU: the message there names the value",
            "print(labels.min(), labels.max(), outputs.shape)",
        ),
    ),
    Kind(
        "no-kernel-image",
        "this torch was not built for this GPU",
        r"no kernel image is available for execution|with CUDA capability (?P<sm>sm_\d+) is not compatible with the current PyTorch installation|PyTorch no longer supports this GPU because it is too old",
        lambda case: _wheel(case),
        (
            "lamp doctor   # GPU, architecture and what this torch supports",
            "install the torch build that names your GPU's architecture: pytorch.org/get-started/locally",
            'python -c "import torch; print(torch.cuda.get_arch_list(), torch.cuda.get_device_capability())"',
        ),
        anywhere=True,
    ),
    Kind(
        "driver-too-old",
        "the NVIDIA driver is too old for this torch",
        r"NVIDIA driver on your system is too old \(found version (?P<v>\d+)\)",
        lambda case: (
            f"The driver supports CUDA up to {int(case['v']) // 1000}.{int(case['v']) % 1000 // 10} "
            f"(version {case['v']}), and this torch was built for a newer one."
        ),
        (
            "update the NVIDIA driver, then restart",
            "or install a torch build for an older CUDA: pytorch.org/get-started/locally",
            "lamp doctor",
        ),
        anywhere=True,
    ),
    Kind(
        "no-driver",
        "no NVIDIA driver",
        r"Found no NVIDIA driver on your system|No CUDA GPUs are available|no CUDA-capable device is detected",
        "The program asks for a GPU, and torch finds none: no NVIDIA card, no driver, hidden by "
        "CUDA_VISIBLE_DEVICES, or a container started without --gpus all.",
        (
            'device = "cuda" if torch.cuda.is_available() else "cpu"',
            "nvidia-smi   # is the driver there?",
            "lamp doctor",
        ),
    ),
    Kind(
        "torch-without-cuda",
        "this torch was built without CUDA",
        r"Torch not compiled with CUDA enabled",
        "The installed torch is the CPU build (or the Mac's), so .cuda() cannot work, whatever GPU there is.",
        (
            'device = "cuda" if torch.cuda.is_available() else "cpu"; model.to(device)',
            'python -c "import torch; print(torch.__version__)"   # ends with +cpu?',
            "lamp doctor   # the command that installs the right build",
            'device = "mps"   # on a Mac with Apple silicon',
        ),
    ),
    Kind(
        "invalid-device",
        "a GPU number that does not exist",
        r"CUDA error: invalid device ordinal|Attempting to deserialize object on CUDA device (?P<n>\d+) but torch\.cuda\.device_count\(\) is (?P<c>\d+)",
        "A GPU was asked for by a number that this machine does not have. They count from 0, after "
        "CUDA_VISIBLE_DEVICES has been applied.",
        (
            'device = "cuda:0"',
            'torch.load(path, map_location="cpu")',
            "print(torch.cuda.device_count())",
        ),
    ),
    Kind(
        "numpy-on-gpu",
        "numpy() on a tensor on the GPU",
        r"can't convert (?P<dev>[\w:]+) (?:device type )?tensor to numpy",
        "NumPy can only read the CPU's memory, and the tensor is on {dev}.",
        ("x.detach().cpu().numpy()", "x.tolist()", "loss.item()   # one number"),
    ),
    Kind(
        "mps-float64",
        "Apple's GPU knows no float64",
        r"Cannot convert a MPS Tensor to float64|MPS framework doesn't support float64",
        "The GPU of a Mac has no double precision, and NumPy and Python numbers are double.",
        ('x = x.float().to("mps")', "torch.tensor(values, dtype=torch.float32)"),
    ),
    Kind(
        "cpu-out-of-memory",
        "the computer's memory is full",
        r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory): you tried to allocate (?P<n>\d+) bytes",
        lambda case: (
            f"{amount(case['n'])} were asked for in one piece, and they are not there. If that is far more "
            "than a batch should need, a shape is wrong: a Linear layer over unpooled pictures, or a "
            "broadcast between (n, 1) and (n)."
        ),
        (
            "a smaller batch or picture size",
            "print the shapes before this line",
            "lamp doctor   # memory that may be used",
        ),
    ),
    Kind(
        "paging-file",
        "Windows ran out of paging file",
        r"WinError 1455|paging file is too small",
        "Each worker on Windows loads torch anew and reserves memory for its libraries; the paging file is too small for that.",
        (
            "DataLoader(…, num_workers=0)   # or 2",
            "enlarge the paging file: System, Advanced, Performance, Virtual memory",
        ),
    ),
    Kind(
        "torchvision-mismatch",
        "torch and torchvision do not belong together",
        r"operator torchvision::\w+ does not exist|No such operator torchvision::\w+|Couldn't load custom C\+\+ ops",
        "torchvision was built for another version of torch (torch 2.x goes with torchvision 0.(x + 15)), "
        "or one is the CPU and the other the CUDA build.",
        (
            "lamp doctor   # which pair is installed and which belong together",
            "pip install --force-reinstall torch torchvision   # both in one command",
        ),
    ),
)


def _wheel(case: Case) -> str:
    supported = re.search(r"supports CUDA capabilities ([\w ]+)", case.trace.text)
    card = re.search(r"with CUDA capability (sm_\d+)", case.trace.text)
    which = f" The card is {card[1]}." if card else ""
    known = f" This torch holds {supported[1].strip()}." if supported else ""
    return f"The installed torch holds no machine code for this GPU: the card is newer or older than the build.{which}{known}"


class _Renamed(Case):
    """The same case with the two devices under one pair of names, whichever wording matched."""

    def __init__(self, case: Case) -> None:
        Case.__init__(self, case.match, case.raised, case.trace)

    def __getitem__(self, group: str) -> str:
        others = {"a": ("a", "c", "e"), "b": ("b", "d", "f")}[group]
        return next((self.match[name] for name in others if self.match[name]), "")
