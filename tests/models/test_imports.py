"""What is not asked for is not imported: torchvision and scikit-learn take a second and more."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOAD = "import sys; import lamplighter.predict, lamplighter.models.build as build"
DIGITS = "from lamplighter.data.bundled import open_digits; open_digits()"


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        (f"{LOAD}; build.build('small_resnet', 10, channels=1)", "torchvision"),
        (f"import sys; {DIGITS}", "sklearn.datasets"),
    ],
)
def test_left_out(program: str, absent: str) -> None:
    """A network of Lamplighter's own needs no torchvision, and the digits no scikit-learn."""
    told = subprocess.run(
        [sys.executable, "-c", f"{program}; print({absent!r} in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == "False"
