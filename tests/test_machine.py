"""How glibc is asked to keep memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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


def test_the_users_own_settings_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """With MALLOC_… in the environment nothing is asked."""
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert not keep_memory(32)


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
