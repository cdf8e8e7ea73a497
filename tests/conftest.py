"""What every test stands on: one thread, no display, a cache of its own, real data where given."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

# before torch is imported by any test: the workers of pytest-xdist share the cores
os.environ.setdefault("OMP_NUM_THREADS", "1")

REAL_DATA = "LAMPLIGHTER_TEST_DATA"


def pytest_configure(config: pytest.Config) -> None:
    """Tests never read or fill the cache of the person who runs them."""
    folder = tempfile.TemporaryDirectory(prefix="lamplighter-test-cache-")
    config.add_cleanup(folder.cleanup)
    os.environ["LAMPLIGHTER_CACHE"] = folder.name


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real pictures and weights; the test is skipped where there is none."""
    named = os.environ.get(REAL_DATA)
    if not named or not Path(named).is_dir():
        pytest.skip(f"{REAL_DATA} names no folder with real data")
    return Path(named)
