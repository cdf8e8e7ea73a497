"""The command line answers quickly, and every command is documented."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lamplighter.cli import COMMANDS

HEAVY = ("torch", "torchvision", "numpy", "PIL", "sklearn", "pydantic", "tensorboard")

PROGRAM = """
import contextlib, io, json, sys
from lamplighter.cli import run
said = io.StringIO()
with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
    code = run(json.loads(sys.argv[1]))
heavy = [name for name in json.loads(sys.argv[2]) if name in sys.modules]
print(json.dumps({"code": code, "said": said.getvalue(), "heavy": heavy}))
"""


def answer(*arguments: str) -> dict[str, object]:
    """Exit code, text and the heavy modules loaded, of one command in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(arguments), json.dumps(HEAVY)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_help_lists_every_command_without_torch() -> None:
    """`lamp --help` names each command with its line and imports nothing heavy."""
    got = answer("--help")
    assert (got["code"], got["heavy"]) == (0, [])
    for name, (_, line) in COMMANDS.items():
        assert name in str(got["said"])
        assert line.split()[0] in str(got["said"])


def test_the_package_is_a_command_as_well() -> None:
    """`python -m lamplighter` is `lamp`, exit codes included."""
    module = [sys.executable, "-m", "lamplighter"]
    done = subprocess.run([*module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lamp, version ")
    wrong = subprocess.run([*module, "trian"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "train" in wrong.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_without_torch(name: str) -> None:
    """`lamp COMMAND --help` says what the command does, and imports nothing heavy."""
    got = answer(name, "--help")
    assert (got["code"], got["heavy"]) == (0, [])
    said = str(got["said"])
    assert said.startswith(f"Usage: lamp {name}")
    sentence = said.split("\n\n")[1]
    assert len(sentence.split()) >= 3, "a command's help begins with a sentence on what it does"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    """No flag is listed without a word on what it does."""
    import importlib

    command = importlib.import_module(COMMANDS[name][0]).command
    silent = [
        p.opts[0]
        for p in command.params
        if p.param_type_name == "option" and not (p.help or p.hidden)
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(["trian"], "train"), (["evalute", "runs/x"], "evaluate"), (["lok"], "look")],
)
def test_a_mistyped_command_is_answered_without_torch(typed: list[str], meant: str) -> None:
    """A mistyped command exits with 2 and names the nearest, before anything is loaded."""
    got = answer(*typed)
    assert (got["code"], got["heavy"]) == (2, [])
    assert f"Did you mean {meant}" in str(got["said"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["train", "digits", "--epoch-s", "3"], "--epochs"),
        (["train", "digits", "--optimiser", "SGD"], "--optimizer"),
        (["look", "digits", "--htlm", "x.html"], "--html"),
    ],
)
def test_a_mistyped_flag_is_answered_without_torch(typed: list[str], meant: str) -> None:
    """A mistyped flag exits with 2 and names the nearest, before anything is loaded."""
    got = answer(*typed)
    assert (got["code"], got["heavy"]) == (2, [])
    assert meant in str(got["said"])
