"""What torch sees on this machine, asked in a process of its own.

Run as a program it prints one JSON document. A torch that cannot be imported, crashes the process
or hangs on a GPU must not take `lamp doctor` with it, so nothing else imports this file and it
imports nothing of the house.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any


def probe() -> dict[str, Any]:
    """Versions, builds and devices; `error` where torch or torchvision cannot be imported."""
    facts: dict[str, Any] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch = _import("torch", facts)
        if torch is not None:
            _import("torchvision", facts)
            try:
                facts |= _cuda(torch)
            except Exception as error:
                facts["cuda_error"] = f"{type(error).__name__}: {error}"
            facts["mps"] = bool(
                getattr(torch.backends, "mps", None) and torch.backends.mps.is_available()
            )
            facts["cpu_kernel"] = _kernel(torch, "cpu")
            if facts["mps"]:
                facts["mps_kernel"] = _kernel(torch, "mps")
        # text of CUDA's own complaints: driver too old, card not supported
        facts["warnings"] = [str(w.message) for w in caught][:20]
    return facts


def _import(name: str, facts: dict[str, Any]) -> Any:
    try:
        module = __import__(name)
        facts[name] = str(module.__version__)
        return module
    except Exception as error:
        facts[f"{name}_error"] = f"{type(error).__name__}: {error}"
        return None


def _cuda(torch: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "cuda_build": torch.version.cuda,
        "hip_build": getattr(torch.version, "hip", None),
        "cuda_available": torch.cuda.is_available(),
        "devices": [],
    }
    if not facts["cuda_available"]:
        return facts
    facts["architectures"] = torch.cuda.get_arch_list()
    for index in range(torch.cuda.device_count()):
        one = torch.cuda.get_device_properties(index)
        device: dict[str, Any] = {
            "name": one.name,
            "index": index,
            "memory": one.total_memory,
            "capability": f"sm_{one.major}{one.minor}",
        }
        device["kernel"] = _kernel(torch, f"cuda:{index}")
        try:
            device["free"] = torch.cuda.mem_get_info(index)[0]
        except Exception:
            device["free"] = None
        facts["devices"].append(device)
    return facts


def _kernel(torch: Any, device: str) -> str:
    """ "ok", or why a small matrix product on the device failed."""
    try:
        ones = torch.ones(64, 64, device=device)
        total = float((ones @ ones).sum())
        return "ok" if total == 64.0**3 else f"wrong result: {total} where {64.0**3} is right"
    except Exception as error:
        return f"{type(error).__name__}: {error}".split("\n")[0]


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(probe()) + "\n")
