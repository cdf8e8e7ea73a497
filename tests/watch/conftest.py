"""Scripts are run within the test's process, under observation, to save the start of torch."""

from __future__ import annotations

import contextlib
import io
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lamplighter.watch import Watch, watch


def _observe(path: Path) -> Watch:
    """The watch after the script ran to its end, as `python path` would run it."""
    module = types.ModuleType("__main__")
    module.__file__ = str(path)
    real = sys.modules["__main__"]
    sys.modules["__main__"] = module
    torch.manual_seed(0)
    watching = watch()
    try:
        # what the script warns of is kept from the screen, not silenced: that would be a finding
        with warnings.catch_warnings(record=True), contextlib.redirect_stdout(io.StringIO()):
            warnings.resetwarnings()
            with watching:
                exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    finally:
        sys.modules["__main__"] = real
    return watching


@pytest.fixture
def observe() -> Callable[[Path], Watch]:
    """A function: path of a script → the watch over it."""
    return _observe


@pytest.fixture
def run(
    request: pytest.FixtureRequest, tmp_path: Path, observe: Callable[[Path], Watch]
) -> Callable[[str], Watch]:
    """A function: what follows the `HEAD` of the test's module → the watch over the whole program."""

    def ran(rest: str) -> Watch:
        path = tmp_path / "program.py"
        path.write_text(request.module.HEAD + rest)
        watching = observe(path)
        assert watching.faults == []
        return watching

    return ran
