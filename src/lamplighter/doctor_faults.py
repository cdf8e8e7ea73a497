"""What can be wrong with an environment, and the command that mends each fault."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
OLDEST_TORCH = (2, 11)
# torch 2.x and torchvision 0.(x + 15) are released together, from 2.0 and 0.15 on
# Source: the table of versions in torchvision's README
TORCHVISION_OFFSET = 15
GIBI = 2**30
SMALL_SHM, SMALL_DISK, SMALL_MEMORY = GIBI // 4, 2 * GIBI, 2 * GIBI

_INSTALL = "choose your system at https://pytorch.org/get-started/locally and run the command shown"
_BOTH = f'{Path(sys.executable).name} -m pip install --upgrade "torch>=2.11" "torchvision>=0.26"'


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: what is wrong, and the command or change that mends it."""

    what: str
    fix: str


def python_problems(version: tuple[int, ...]) -> list[Problem]:
    """What is wrong with the interpreter's version."""
    if OLDEST_PYTHON <= tuple(version) <= NEWEST_PYTHON:
        return []
    found = ".".join(map(str, version))
    return [
        Problem(
            f"Python {found}; Lamplighter is made for 3.11 to 3.13",
            "make an environment with another Python: python3.12 -m venv .venv",
        )
    ]


def torch_problems(torch: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with torch, torchvision, or the pair of them."""
    if "torch" not in torch:
        error = str(torch.get("torch_error", "not found"))
        if "No module named 'torch'" in error:
            return [Problem("torch is not installed", _INSTALL)]
        return [Problem(f"torch does not work: {error}", f"reinstall it: {_INSTALL}")]
    version = _numbers(torch["torch"])
    problems = []
    if version < OLDEST_TORCH:
        problems.append(Problem(f"torch {torch['torch']} is older than 2.11", _BOTH))
    if torch.get("cpu_kernel", "ok") != "ok":
        problems.append(
            Problem(
                f"torch cannot compute on the CPU: {torch['cpu_kernel']}",
                f"reinstall it: {_INSTALL}",
            )
        )
    if "torchvision" not in torch:
        error = str(torch.get("torchvision_error", "not found"))
        missing = "No module named 'torchvision'" in error
        what = "torchvision is not installed" if missing else f"torchvision does not work: {error}"
        return [*problems, Problem(what, _pair_fix(version))]
    wanted = (0, version[1] + TORCHVISION_OFFSET) if version[0] == 2 else None
    if wanted and _numbers(torch["torchvision"]) != wanted:
        problems.append(
            Problem(
                f"torch {torch['torch']} goes with torchvision {wanted[0]}.{wanted[1]}, and "
                f"{torch['torchvision']} is installed",
                _pair_fix(version),
            )
        )
    return problems


def _pair_fix(version: tuple[int, int]) -> str:
    if version[0] != 2:
        return _BOTH
    return f'python -m pip install "torchvision=={0}.{version[1] + TORCHVISION_OFFSET}.*"'


def gpu_problems(torch: Mapping[str, Any], driver: Mapping[str, Any]) -> list[Problem]:
    """GPUs that are there and cannot be used, with the reason."""
    if "torch" not in torch:
        return []
    problems = []
    told = " ".join(torch.get("warnings", ()))
    cards = driver.get("cards") or []
    if cards and not torch.get("cuda_build") and not torch.get("hip_build"):
        problems.append(
            Problem(
                f"there is an NVIDIA GPU ({cards[0]}), but torch {torch['torch']} was built without CUDA",
                _INSTALL,
            )
        )
    elif cards and not torch.get("cuda_available"):
        problems.append(_unusable(cards[0], told, torch, driver))
    for device in torch.get("devices", ()):
        if device["kernel"] != "ok":
            problems.append(_dead_kernel(device, torch))
    if torch.get("cuda_error"):
        problems.append(Problem(f"asking for GPUs failed: {torch['cuda_error']}", "nvidia-smi"))
    if torch.get("mps_kernel", "ok") != "ok":
        problems.append(
            Problem(
                f"the Mac's GPU does not compute: {torch['mps_kernel']}",
                "lamp train … --device cpu",
            )
        )
    return problems


def _unusable(card: str, told: str, torch: Mapping[str, Any], driver: Mapping[str, Any]) -> Problem:
    old = re.search(r"driver on your system is too old \(found version (\d+)\)", told)
    if old:
        number = int(old[1])
        return Problem(
            f"the NVIDIA driver ({driver.get('version')}) supports CUDA up to {number // 1000}."
            f"{number % 1000 // 10}; torch was built for CUDA {torch.get('cuda_build')}",
            "update the NVIDIA driver and restart, or install a torch built for an older CUDA",
        )
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1", "none"):
        return Problem(
            f"{card} is hidden: CUDA_VISIBLE_DEVICES is {hidden!r}", "unset CUDA_VISIBLE_DEVICES"
        )
    return Problem(
        f"the driver knows {card}, but torch cannot use it" + (f": {told[:300]}" if told else ""),
        "nvidia-smi; restart after a driver update; in a container: docker run --gpus all",
    )


def _dead_kernel(device: Mapping[str, Any], torch: Mapping[str, Any]) -> Problem:
    name, why = device["name"], device["kernel"]
    if "no kernel image" in why:
        known = " ".join(torch.get("architectures", ()))
        return Problem(
            f"{name} is {device['capability']}, and this torch holds code for {known} only",
            f"install a torch that supports it: {_INSTALL}",
        )
    return Problem(
        f"{name}: a small computation failed: {why}", "nvidia-smi; lamp train … --device cpu"
    )


def place_problems(places: Mapping[str, Any]) -> list[Problem]:
    """Memory, shared memory and disks that are too small."""
    problems = []
    if (free := places.get("disk_free")) is not None and free < SMALL_DISK:
        problems.append(
            Problem(
                f"only {free / GIBI:.1f} GiB are free here ({Path.cwd()})",
                "delete old runs, or run on another disk",
            )
        )
    if (free := places.get("cache_free")) is not None and free < SMALL_DISK:
        problems.append(
            Problem(
                f"only {free / GIBI:.1f} GiB are free for the cache ({places.get('cache')})",
                "export LAMPLIGHTER_CACHE=FOLDER, on a larger disk",
            )
        )
    if (shm := places.get("shm")) is not None and shm < SMALL_SHM:
        problems.append(
            Problem(
                f"/dev/shm holds {shm / GIBI * 1024:.0f} MiB: workers that load data hand it over there",
                "docker run --shm-size=8g …; without that, --workers 0",
            )
        )
    if places["available"] < SMALL_MEMORY:
        problems.append(
            Problem(
                f"{places['available'] / GIBI:.1f} GiB of {places['total'] / GIBI:.1f} GiB memory are free",
                "close other programs, or give the container more memory",
            )
        )
    return problems


def _numbers(version: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
