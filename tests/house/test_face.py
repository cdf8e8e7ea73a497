"""What `import lamplighter as lamp` gives, and what it leaves unloaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import lamplighter
from lamplighter.version import __version__

PUBLIC = [
    "Finding",
    "Model",
    "Preprocess",
    "Recipe",
    "Run",
    "__version__",
    "check",
    "compare",
    "errors",
    "evaluate",
    "explain",
    "fit",
    "load",
    "look",
    "train",
    "watch",
]
HEAVY = ("torch", "torchvision", "numpy", "PIL", "sklearn", "pydantic", "rich", "tensorboard")


def in_new_process(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_names_are_these() -> None:
    """A name is added to the public face on purpose, here and in the changelog, or not at all."""
    assert sorted(lamplighter.__all__) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_there(name: str) -> None:
    """Every promised name can be fetched and is documented."""
    found = getattr(lamplighter, name)
    assert name == "__version__" or found.__doc__


def test_a_function_is_not_hidden_by_the_room_of_its_name() -> None:
    """`lamp.look` is the function whichever room was imported first."""
    code = """
import lamplighter as lamp
import lamplighter.look.verdict, lamplighter.watch.events, lamplighter.explain.codes
print(*[callable(getattr(lamp, name)) for name in ("look", "watch", "explain")])
"""
    assert in_new_process(code).split() == ["True"] * 3


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import lamplighter` costs milliseconds: torch and the others wait until they are needed."""
    code = f"import json, sys, lamplighter; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    assert json.loads(in_new_process(code)) == []


def test_loading_a_model_imports_no_training_code() -> None:
    """The machine that predicts loads neither the data rooms nor the training nor the checks."""
    code = """
import json, sys, lamplighter as lamp
lamp.load
rooms = {m.split(".")[1] for m in sys.modules if m.startswith("lamplighter.")}
print(json.dumps(sorted(rooms & {"data", "training", "checks", "stages", "cli", "evaluation"})))
"""
    assert json.loads(in_new_process(code)) == []


def test_a_mistyped_name_suggests_the_right_one() -> None:
    """`lamp.trian` answers with the nearest public name."""
    with pytest.raises(AttributeError, match=r"no 'trian'\. Did you mean train"):
        _ = lamplighter.trian


def test_the_version_is_the_package_s() -> None:
    """`lamplighter.__version__` is the version of the built package."""
    assert lamplighter.__version__ == __version__
