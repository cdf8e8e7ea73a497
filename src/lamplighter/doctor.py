"""The environment examined: is this machine ready, and if not, which command mends it.

Torch is asked in a process of its own, so that a broken one is reported and not suffered.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamplighter.doctor_faults import (
    Problem,
    gpu_problems,
    place_problems,
    python_problems,
    torch_problems,
)
from lamplighter.machine import cache_folder, cores, memory

PROBE_SECONDS = 120

NEEDED = ("numpy", "Pillow", "scikit-learn", "click", "pydantic", "rich", "safetensors", "tensorboard", "Jinja2")  # fmt: skip
OPTIONAL: Mapping[str, str] = {
    "timm": "lamplighter[timm]",
    "onnx": "lamplighter[onnx]",
    "onnxruntime": "lamplighter[onnx]",
    "starlette": "lamplighter[serve]",
    "uvicorn": "lamplighter[serve]",
}
NEEDED_FOR: Mapping[str, str] = {
    "lamplighter[timm]": "networks named timm:NAME",
    "lamplighter[onnx]": "lamp export --to onnx",
    "lamplighter[serve]": "lamp serve",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the machine is and what is wrong with it.

    Args:
        python: version and path of the interpreter.
        torch: version; empty if it cannot be imported.
        torchvision: version; empty if it cannot be imported.
        cuda: build, driver and whether torch can use a GPU.
        devices: each with kind, name, memory in bytes (None for the CPU), and `kernel`, "ok" or
            why a real computation on it failed.
        memory: bytes: `total` and `available` RAM within the container's limit, `shm` and
            `shm_free` of /dev/shm (None where there is none), `disk_free` here, `cache_free` and
            the `cache` folder.
        cores: cores that this process may use.
        packages: installed versions of needed and optional packages; None if missing.
        problems: what is wrong, gravest first.
        notes: what is worth knowing and no fault.
    """

    python: str
    torch: str
    torchvision: str
    cuda: dict[str, Any]
    devices: tuple[dict[str, Any], ...]
    memory: dict[str, Any]
    cores: int
    packages: dict[str, str | None]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    system: str = field(default="")

    @property
    def verdict(self) -> str:
        """ "ok" or "problems"."""
        return "problems" if self.problems else "ok"

    def as_json(self) -> dict[str, Any]:
        """The stable form that `lamp doctor --json` prints."""
        return {
            "verdict": self.verdict,
            "system": self.system,
            "python": self.python,
            "torch": self.torch or None,
            "torchvision": self.torchvision or None,
            "cuda": self.cuda,
            "devices": list(self.devices),
            "cores": self.cores,
            "memory": self.memory,
            "packages": self.packages,
            "problems": [{"what": p.what, "fix": p.fix} for p in self.problems],
            "notes": list(self.notes),
        }


def examine(python: str = sys.executable) -> Diagnosis:
    """Examines this machine; takes a few seconds, most of them torch's import.

    Args:
        python: the interpreter whose torch is asked.
    """
    return diagnose(probe_torch(python), _driver(), _places(), _packages())


def probe_torch(python: str = sys.executable) -> dict[str, Any]:
    """What `torch_probe` prints; `torch_error` says why if it could not."""
    script = Path(__file__).with_name("torch_probe.py")
    try:
        # -P: the script's own folder holds modules of ours that must not hide torch's
        done = subprocess.run(
            [python, "-P", str(script)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {
            "torch_error": f"did not answer within {PROBE_SECONDS} s (a GPU or driver that hangs)"
        }
    except OSError as error:
        return {"torch_error": f"{python} cannot be run: {error}"}
    last = done.stdout.strip().split("\n")[-1]
    try:
        facts = json.loads(last)
    except ValueError:
        return {"torch_error": _ended(done.returncode, done.stderr)}
    return facts if isinstance(facts, dict) else {"torch_error": "gave no answer"}


def _ended(code: int, stderr: str) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        return f"importing it crashes Python ({name})"
    lines = [line for line in stderr.strip().split("\n") if line.strip()]
    return lines[-1][:300] if lines else f"ended with code {code}"


def diagnose(
    torch: Mapping[str, Any],
    driver: Mapping[str, Any],
    places: Mapping[str, Any],
    packages: Mapping[str, str | None],
) -> Diagnosis:
    """Draws the conclusions from what was found.

    Args:
        torch: as `torch_probe` gives it.
        driver: `version` of the NVIDIA driver or None, `cards`: names of cards it knows.
        places: memory, as `Diagnosis.memory`.
        packages: name → version, or None if missing.
    """
    problems = [
        *python_problems(sys.version_info[:2]),
        *torch_problems(torch),
        *gpu_problems(torch, driver),
        *place_problems(places),
        *(
            Problem(f"the package {name} is missing", f"python -m pip install {name}")
            for name in NEEDED
            if packages.get(name, "") is None
        ),
    ]
    devices = _devices(torch)
    return Diagnosis(
        python=f"{platform.python_version()} ({sys.executable})",
        torch=str(torch.get("torch", "")),
        torchvision=str(torch.get("torchvision", "")),
        cuda={
            "build": torch.get("cuda_build"),
            "driver": driver.get("version"),
            "available": bool(torch.get("cuda_available")),
        },
        devices=tuple(devices),
        memory=dict(places),
        cores=cores(),
        packages=dict(packages),
        problems=tuple(problems),
        notes=tuple(_notes(devices, packages, bool(problems))),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
    )


def _notes(
    devices: list[dict[str, Any]], packages: Mapping[str, str | None], faulty: bool
) -> list[str]:
    notes = []
    if not faulty and not any(device["kind"] in ("cuda", "mps") for device in devices):
        notes.append("no GPU: everything runs on the CPU")
    extras = {OPTIONAL[name] for name in OPTIONAL if packages.get(name, "") is None}
    return notes + [
        f'not installed, needed for {NEEDED_FOR[extra]} only: python -m pip install "{extra}"'
        for extra in sorted(extras)
    ]


def _devices(torch: Mapping[str, Any]) -> list[dict[str, Any]]:
    devices: list[dict[str, Any]] = [
        {
            "kind": "cuda",
            "name": one["name"],
            "memory": one["memory"],
            "free": one.get("free"),
            "capability": one.get("capability"),
            "kernel": one["kernel"],
        }
        for one in torch.get("devices", ())
    ]
    if torch.get("mps"):
        kernel = torch.get("mps_kernel", "ok")
        devices.append({"kind": "mps", "name": "Apple GPU", "memory": None, "kernel": kernel})
    if "torch" in torch:
        name = platform.processor() or platform.machine()
        kernel = torch.get("cpu_kernel", "ok")
        devices.append({"kind": "cpu", "name": name, "memory": None, "kernel": kernel})
    return devices


def _driver() -> dict[str, Any]:
    """The NVIDIA driver's version and the cards that it knows, from nvidia-smi."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {"version": None, "cards": []}
    try:
        done = subprocess.run(
            [program, "--query-gpu=driver_version,name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        return {"version": None, "cards": []}
    rows = [line.split(", ", 1) for line in done.stdout.strip().split("\n") if ", " in line]
    return {"version": rows[0][0] if rows else None, "cards": [row[1] for row in rows]}


def _places() -> dict[str, Any]:
    total, available = memory()
    shm = Path("/dev/shm")
    shm_use = _disk(shm) if shm.is_dir() else None
    here, cache = _disk(Path.cwd()), _disk(cache_folder())
    return {
        "total": total,
        "available": available,
        "shm": shm_use[0] if shm_use else None,
        "shm_free": shm_use[1] if shm_use else None,
        "disk_free": here[1] if here else None,
        "cache": str(cache_folder()),
        "cache_free": cache[1] if cache else None,
    }


def _disk(folder: Path) -> tuple[int, int] | None:
    """(total, free) bytes where the folder is or would be; None if the system does not say."""
    for place in (folder, *folder.parents):
        try:
            usage = shutil.disk_usage(place)
        except OSError:
            continue
        return usage.total, usage.free
    return None


def _packages() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in (*NEEDED, *OPTIONAL):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found
