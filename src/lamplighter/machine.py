"""This machine: devices, cores, memory, seeds, folders, and the record of the environment.

Torch is imported inside the functions that need it: the cache folder and the core count are asked
for by commands that never touch a tensor.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import platform
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamplighter.errors import UsageError
from lamplighter.version import __version__

if TYPE_CHECKING:
    import torch

SPINS = 10_000  # turns in which a waiting thread looks for work: about a tenth of a millisecond
# where a container says what it may use: the version 2 of control groups, then version 1
GROUPS = Path("/sys/fs/cgroup")
CORES = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))
OWN_GROUP = Path("/proc/self/cgroup")
MEMORY = (
    ("", "memory.max", "memory.current", ("inactive_file", "active_file")),
    (
        "memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
        ("total_inactive_file", "total_active_file"),
    ),
)  # fmt: skip
SHARE_OF_GPU = 0.3  # of its free memory, for pictures and tensors that lie there all the time
SMALL_SIDE = 64  # pixels: pictures whose layers' outputs are blocks of one scale


def cache_folder() -> Path:
    """Where decoded pictures and verdicts are kept: LAMPLIGHTER_CACHE, else the user's cache."""
    named = os.environ.get("LAMPLIGHTER_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lamplighter"


def cores() -> int:
    """Cores that this process may use: affinity, bounded by the container's quota."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for files in CORES:
        try:
            words = [word for file in files for word in (GROUPS / file).read_text().split()]
            quota, period = (int(word) for word in words)
        except (OSError, ValueError):  # another version of control groups, or "max": no bound
            continue
        if quota > 0:  # the older version says -1 where there is no bound
            return max(1, min(seen, quota // period))
    return seen


def memory() -> tuple[int, int]:
    """(total, available) bytes of RAM that this process may use, bounded by its control groups."""
    total, available = _system_memory()
    for controller, limit_file, used_file, cached in MEMORY:
        for folder in _groups(controller):
            try:
                limit = int((folder / limit_file).read_text())
                used = int((folder / used_file).read_text())
            except (OSError, ValueError):  # another version of control groups, or "max": no bound
                continue
            free = limit - used + _cached(folder / "memory.stat", cached)
            total, available = min(total, limit), min(available, max(0, free))
    return total, available


def _groups(controller: str) -> list[Path]:
    """The folder of this process's control group and those above it: any of them may set a bound."""
    base = GROUPS / controller
    with contextlib.suppress(OSError, ValueError):
        for line in OWN_GROUP.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                own = base / path.strip("/")
                return [own, *(folder for folder in own.parents if folder.is_relative_to(base))]
    return [base]


def _cached(statistics: Path, fields: Sequence[str]) -> int:
    """Bytes of files that were read and are kept; they count as used, and are given up on demand."""
    with contextlib.suppress(OSError, ValueError):
        lines = [line.split() for line in statistics.read_text().splitlines()]
        return sum(int(words[1]) for words in lines if words[0] in fields)
    return 0


def _system_memory() -> tuple[int, int]:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        return kilobytes["MemTotal"] * 1024, kilobytes["MemAvailable"] * 1024
    except (OSError, KeyError, IndexError, ValueError):
        pass
    try:
        pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        return pages * page, pages * page // 2
    except (OSError, ValueError, AttributeError):
        return 8 << 30, 4 << 30  # Windows has neither; a modest laptop is assumed


def children() -> list[int]:
    """The processes that this one has started, where the system says (Linux)."""
    found: list[int] = []
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(pid) for pid in task.read_text().split()]
    return sorted(found)


def seconds_of(pid: int) -> float:
    """Processor time that a process has used, seconds; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def pick_device(asked: str) -> torch.device:
    """The device that `asked` means; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        UsageError: the name is unknown or the device is not there.
    """
    import torch

    if asked == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise UsageError(
            f"expected auto, cpu, cuda, cuda:N or mps, got {asked!r}",
            where="--device",
            fix="lamp doctor shows what this machine has",
        ) from None
    if device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(
            f"{asked!r} is not a device that is supported here; cpu, cuda and mps are",
            where="--device",
            fix="lamp doctor shows what this machine has",
        )
    tests: dict[str, Callable[[], bool]] = {
        "cpu": lambda: True,
        "cuda": lambda: (
            torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
        ),
        "mps": torch.backends.mps.is_available,
    }
    if not tests[device.type]():
        raise UsageError(
            f"{asked} was asked for, but torch {torch.__version__} sees no such device",
            where="--device",
            fix="lamp doctor",
        )
    return device


def training_device(asked: str, *, repeatable: bool) -> torch.device:
    """`pick_device` for a training, before anything runs on it.

    Args:
        repeatable: whether equal numbers are wanted.
    """
    device = pick_device(asked)
    if repeatable and device.type == "cuda":
        tell_cublas()
    return device


def tell_cublas() -> None:
    """Has cuBLAS sum in a fixed order; it and torch listen until their first matrix product.

    Source: Context::alertCuBLASConfigNotDeterministic in torch's aten/src/ATen/Context.cpp.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the device's memory is used up; CPU and MPS have no class for it."""
    import torch

    told = ("can't allocate memory", "out of memory")
    plain = isinstance(error, RuntimeError) and any(text in str(error) for text in told)
    return plain or isinstance(error, torch.OutOfMemoryError | MemoryError)


def has_room(device: torch.device, size: int) -> bool:
    """Whether a GPU can keep `size` bytes of data beside a training."""
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    return size < SHARE_OF_GPU * free


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Puts the random numbers of Python, NumPy and torch (CPU) back to where they were."""
    import numpy as np
    import torch

    python, numpy_, torch_ = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_)
        torch.set_rng_state(torch_)


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy and torch on all devices."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Work of well under a millisecond: handing it to other cores and waiting for them costs more.

    With other work on both cores, one thread made 150,000 small pictures a second, and two made
    2,500 to 5,000 (docs/speed.md).
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def bound_spinning() -> None:
    """Lets waiting OpenMP threads look for work a short while, then sleep; before torch is imported.

    A thread that sleeps at once has to be woken for every layer: small networks trained at two
    thirds to a half of their speed on idle cores. One that spins for long keeps the cores from
    other programs, which cost as much where there were some (docs/speed.md). GNU's OpenMP alone
    reads this variable; the user's own settings win.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)


def keep_memory(side: int = 0) -> bool:
    """Asks glibc to keep freed memory for the next step instead of returning it to the system.

    A training step frees and asks for the same large blocks again and again; returning them costs
    page faults, a quarter of the time of a small network's step on CPU. Environment variables of
    the user (MALLOC_…, GLIBC_TUNABLES) and other allocators win.

    Args:
        side: of the pictures, pixels; 0 where it is not known. With large ones the largest blocks
            are still returned: kept among smaller ones they leave gaps that nothing fits, which
            doubled the memory of a step of MobileNetV2 at 256 pixels.

    Returns:
        Whether it was done.

    Source: mallopt(3).
    """
    named = any(name.startswith("MALLOC_") for name in os.environ)
    named = named or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if named or "LD_PRELOAD" in os.environ or platform.libc_ver()[0] != "glibc":
        return False
    trim_threshold, mmap_threshold = -1, -3
    mallopt = ctypes.CDLL(None).mallopt
    most = 2**31 - 1
    kept = 1 << 30 if side <= SMALL_SIDE else 32 << 20  # bytes in a block
    return bool(mallopt(mmap_threshold, kept) and mallopt(trim_threshold, most))


def environment(seed: int, device: str) -> dict[str, Any]:
    """What is needed to repeat a run: versions, machine, threads, commit."""
    import numpy
    import PIL
    import torch

    facts: dict[str, Any] = {
        "lamplighter": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": importlib.metadata.version("torchvision"),
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
        "platform": platform.platform(),
        "processor": processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "device": device,
        "cuda": torch.version.cuda,
        "seed": seed,
        "command": sys.argv,
        "git_commit": _git_commit(),
    }
    if device.startswith("cuda"):
        facts["device_name"] = torch.cuda.get_device_name(device)
    return facts


def processor() -> str:
    """The processor's name, as the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor()


def _git_commit() -> str | None:
    """The commit of the folder the command was given in, with + when it has changes."""
    git = shutil.which("git")
    if git is None:
        return None
    try:
        told = subprocess.run(
            # a stranger's folder may name a program there, which git would run
            [git, "-c", "core.fsmonitor=false", "describe", "--always", "--dirty=+", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip() or None
