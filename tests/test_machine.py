"""How much of a machine may be used, and how glibc is asked to keep memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lamplighter import machine
from lamplighter.machine import SPINS, bound_spinning, keep_memory

CODE = """
import sys
from lamplighter.machine import SPINS, bound_spinning, keep_memory
if not keep_memory(int(sys.argv[1])):
    print("left alone")
    sys.exit()
import torch
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
block = torch.ones(12_000_000)  # 48 MB
small = torch.ones(1)  # above it in the heap
before = resident()
del block
print("returned" if before - resident() > 40_000_000 else "kept")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system for resident pages")
@pytest.mark.parametrize(("side", "expected"), [(32, "kept"), (256, "returned")])
def test_large_blocks_are_kept_for_small_pictures_alone(
    side: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A freed block of 48 MB stays with a network for small pictures, and goes back otherwise."""
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(side)], capture_output=True, text=True, check=True
    )
    if done.stdout.strip() == "left alone":
        pytest.skip("another allocator, or settings of the user's own")
    assert done.stdout.strip() == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("MALLOC_ARENA_MAX", "2"), ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072")],
)
def test_the_users_own_settings_win(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With settings for glibc's allocator in the environment nothing is asked."""
    asked: list[str] = []

    class Library:
        def mallopt(self, *_: int) -> int:
            asked.append("mallopt")
            return 1

    for other in ("LD_PRELOAD", "GLIBC_TUNABLES", *(n for n in os.environ if "MALLOC_" in n)):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setattr("ctypes.CDLL", lambda _: Library())
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.cpu.x86_ibt=off")  # which is about something else
    assert keep_memory(32)
    assert asked
    asked.clear()
    monkeypatch.setenv(name, value)
    assert not keep_memory(32)
    assert not asked


@pytest.mark.parametrize("own", [None, "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_waiting_threads_spin_shortly_unless_the_user_said_otherwise(
    own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    if own:
        monkeypatch.setenv(own, "7")
    bound_spinning()
    assert os.environ.get("GOMP_SPINCOUNT") == {None: str(SPINS), "GOMP_SPINCOUNT": "7"}.get(own)


GIBI = 2**30
NEW = {"memory.max": f"{2 * GIBI}\n", "memory.current": f"{GIBI}\n"}
OLD = {
    "memory/memory.limit_in_bytes": f"{2 * GIBI}\n",
    "memory/memory.usage_in_bytes": f"{GIBI}\n",
}


def contained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str]
) -> tuple[int, int]:
    """What `memory` says within a container whose control groups have these files."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(machine, "GROUPS", tmp_path)
    monkeypatch.setattr(machine, "OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(machine, "_system_memory", lambda: (16 * GIBI, 12 * GIBI))
    return machine.memory()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, (16, 12)),
        (NEW, (2, 1)),
        (OLD, (2, 1)),
        # what was read from files counts as used, and is given up as soon as memory is wanted
        (NEW | {"memory.stat": f"file 5\ninactive_file {GIBI // 2}\n"}, (2, 1.5)),
        (OLD | {"memory/memory.stat": f"total_inactive_file {GIBI // 2}\n"}, (2, 1.5)),
        (NEW | {"memory.max": "max\n"}, (16, 12)),
        (OLD | {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, (16, 12)),
        (NEW | {"memory.current": f"{3 * GIBI}\n"}, (2, 0)),
        # systemd and batch systems bound a group further down, or one above it
        (
            {f"jobs/mine/{name}": text for name, text in NEW.items()} | {"own": "0::/jobs/mine\n"},
            (2, 1),
        ),
        ({f"jobs/{name}": text for name, text in NEW.items()} | {"own": "0::/jobs/mine\n"}, (2, 1)),
        (
            {name.replace("/", "/mine/"): text for name, text in OLD.items()}
            | {"own": "5:cpu,memory:/mine\n0::/\n"},
            (2, 1),
        ),
        (NEW | {"own": "0::/of/the/host\n"}, (2, 1)),
    ],
)
def test_memory_is_bounded_by_the_container(
    files: Mapping[str, str],
    expected: tuple[float, float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both versions of control groups are read, also where they set no bound."""
    total, available = contained(tmp_path, monkeypatch, files)
    assert (total / GIBI, available / GIBI) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"cpu.max": "300000 100000\n"}, 3),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu.max": "50000 100000\n"}, 1),
    ],
)
def test_cores_are_bounded_by_the_container(
    files: Mapping[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for the processor's time; there is always one core."""
    contained(tmp_path, monkeypatch, files)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine.cores() == expected
