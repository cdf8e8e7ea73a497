"""The doctor: faults found with their remedies, a broken torch reported and not suffered."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lamplighter.doctor import Diagnosis, diagnose, examine, probe_torch

HEALTHY: dict[str, Any] = {
    "torch": "2.14.1",
    "torchvision": "0.29.1",
    "cuda_build": None,
    "cuda_available": False,
    "devices": [],
    "mps": False,
    "cpu_kernel": "ok",
    "warnings": [],
}
ROOMY = {
    "total": 16 * 2**30,
    "available": 12 * 2**30,
    "shm": 8 * 2**30,
    "shm_free": 8 * 2**30,
    "disk_free": 100 * 2**30,
    "cache": "/home/ann/.cache/lamplighter",
    "cache_free": 100 * 2**30,
}
NO_DRIVER: dict[str, Any] = {"version": None, "cards": []}
DRIVER = {"version": "470.86", "cards": ["NVIDIA GeForce RTX 3050"]}
CARD = {
    "name": "NVIDIA GeForce RTX 5090",
    "index": 0,
    "memory": 32 * 2**30,
    "capability": "sm_120",
    "kernel": "ok",
}


def judge(
    torch: dict[str, Any] | None = None,
    driver: dict[str, Any] | None = None,
    places: dict[str, Any] | None = None,
    packages: dict[str, str | None] | None = None,
) -> Diagnosis:
    return diagnose(
        HEALTHY | (torch or {}), driver or NO_DRIVER, ROOMY | (places or {}), packages or {}
    )


def test_this_machine_is_examined() -> None:
    """The real torch of this environment is found, and it computes on the CPU."""
    import torch
    import torchvision

    found = examine()
    assert (found.torch, found.torchvision) == (torch.__version__, torchvision.__version__)
    assert {"kind": "cpu", "kernel": "ok"}.items() <= found.devices[-1].items()
    assert found.cores >= 1
    assert 0 < found.memory["available"] <= found.memory["total"]
    document = json.loads(json.dumps(found.as_json()))
    assert {
        "verdict", "python", "torch", "torchvision", "cuda", "devices", "memory", "problems",
    } <= set(document)  # fmt: skip
    assert document["verdict"] in ("ok", "problems")


def test_a_healthy_machine_without_gpu_is_ok_and_says_so() -> None:
    """No GPU is no fault."""
    found = judge()
    assert (found.verdict, found.problems) == ("ok", ())
    assert "no GPU: everything runs on the CPU" in found.notes


PROBLEMS: list[tuple[dict[str, Any], str, str]] = [
    ({"torch": {"torch": "2.9.0", "torchvision": "0.24.0"}}, "torch 2.9.0 is older than 2.11", "torch>=2.11"),
    (
        {"torch": {"torchvision": "0.27.0"}},
        "torch 2.14.1 goes with torchvision 0.29, and 0.27.0 is installed",
        '"torchvision==0.29.*"',
    ),
    ({"torch": {"cpu_kernel": "RuntimeError: no"}}, "cannot compute on the CPU", "reinstall"),
    ({"driver": DRIVER}, "RTX 3050), but torch 2.14.1 was built without CUDA", "get-started"),
    (
        {
            "driver": DRIVER,
            "torch": {
                "cuda_build": "13.0",
                "warnings": ["CUDA initialization: The NVIDIA driver on your system is too old (found version 11040)."],
            },
        },
        "driver (470.86) supports CUDA up to 11.4; torch was built for CUDA 13.0",
        "update the NVIDIA driver",
    ),
    (
        {"driver": DRIVER, "torch": {"cuda_build": "13.0"}},
        "the driver knows NVIDIA GeForce RTX 3050, but torch cannot use it",
        "nvidia-smi",
    ),
    (
        {
            "driver": DRIVER,
            "torch": {
                "cuda_build": "11.8",
                "cuda_available": True,
                "architectures": ["sm_80", "sm_90"],
                "devices": [CARD | {"kernel": "RuntimeError: CUDA error: no kernel image is available"}],
            },
        },
        "RTX 5090 is sm_120, and this torch holds code for sm_80 sm_90 only",
        "get-started",
    ),
    (
        {"driver": DRIVER, "torch": {"cuda_build": "13.0", "cuda_available": True, "devices": [CARD | {"kernel": "wrong result: 1.0"}]}},
        "a small computation failed: wrong result",
        "--device cpu",
    ),
    ({"places": {"shm": 64 * 2**20}}, "/dev/shm holds 64 MiB", "--shm-size"),
    ({"places": {"disk_free": 10**8}}, "0.1 GiB are free here", "another disk"),
    ({"places": {"cache_free": 10**8}}, "free for the cache", "LAMPLIGHTER_CACHE"),
    ({"places": {"available": 2**29}}, "0.5 GiB of 16.0 GiB memory are free", "container"),
    ({"packages": {"Pillow": None}}, "the package Pillow is missing", "pip install Pillow"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "what", "fix"), PROBLEMS, ids=[p[1][:30] for p in PROBLEMS])
def test_a_fault_is_named_with_what_mends_it(
    facts: dict[str, Any], what: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One fault gives one problem, with its figures and its remedy."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = judge(**facts)
    assert found.verdict == "problems"
    assert len(found.problems) == 1
    assert what in found.problems[0].what
    assert fix in found.problems[0].fix


def test_a_hidden_gpu_is_told_from_a_broken_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA_VISIBLE_DEVICES set to nothing is the reason, and said to be."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = judge(driver=DRIVER, torch={"cuda_build": "13.0"})
    assert [p.fix for p in found.problems] == ["unset CUDA_VISIBLE_DEVICES"]


def test_a_working_gpu_is_listed_with_its_memory() -> None:
    """A card on which a kernel ran is a device and no problem."""
    found = judge(
        driver=DRIVER, torch={"cuda_build": "13.0", "cuda_available": True, "devices": [CARD]}
    )
    assert found.verdict == "ok"
    assert found.devices[0]["memory"] == 32 * 2**30
    assert "no GPU: everything runs on the CPU" not in found.notes


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise ImportError('libcudart.so.13: cannot open shared object file')", "libcudart.so.13"),
        ("raise OSError('[WinError 126] DLL is missing')", "DLL is missing"),
        ("import os; os.abort()", "crashes Python (SIGABRT)"),
        ("import sys; sys.exit('no licence')", "no licence"),
        ("import sys; print('noise'); sys.stdout.flush(); raise ModuleNotFoundError(\"No module named 'torch'\")", "not installed"),
    ],
)  # fmt: skip
def test_a_broken_torch_is_reported(
    source: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A torch that raises, aborts or exits while it is imported is one problem, and no crash."""
    (tmp_path / "torch.py").write_text(source)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    )
    facts = probe_torch()
    found = diagnose(facts, NO_DRIVER, ROOMY, {})
    assert found.torch == ""
    assert found.as_json()["torch"] is None
    assert len(found.problems) == 1
    assert says in found.problems[0].what
    assert "pytorch.org/get-started" in found.problems[0].fix


def test_an_interpreter_that_is_not_there_is_reported() -> None:
    """Asking a Python that does not exist is answered, not raised."""
    assert "cannot be run" in probe_torch("/no/such/python")["torch_error"]
