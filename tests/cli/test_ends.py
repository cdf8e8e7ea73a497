"""How every command ends: its exit code, its one message, and nothing that steers a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from lamplighter import cli, errors
from lamplighter.checks.finding import Finding
from lamplighter.cli import screen

HOSTILE = "a\x1b[31m\x07\u202e\r[bold]x[/bold][link=http://x]y[/]\udce9"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a command in the table whose body raises or returns what it is told."""

    def put(body: Any) -> None:
        @click.command()
        @click.option("--json", "as_json", is_flag=True)
        @click.option("--debug", is_flag=True)
        def command(as_json: bool, debug: bool) -> Any:
            return body()

        module = type(sys)("lamp_test_command")
        module.command = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "lamp_test_command", module)
        monkeypatch.setitem(cli.COMMANDS, "try", ("lamp_test_command", "for tests"))

    return put


def raising(error: BaseException) -> Any:
    def body() -> None:
        raise error

    return body


ENDS = [
    (errors.AnswerIsNo("found", where="there", fix="do"), 1),
    (errors.UsageError("found", where="there", fix="do"), 2),
    (errors.DataError("found", where="there", fix="do"), 3),
    (errors.ArtifactError("found", where="there", fix="do"), 4),
    (errors.RunFailed("found", where="there", fix="do"), 5),
    (errors.Interrupted("found", where="there", fix="do"), 130),
    (KeyboardInterrupt(), 130),
    (ZeroDivisionError("found"), 5),
    (OSError(28, "found"), 5),
    (RecursionError("found"), 5),
]


@pytest.mark.parametrize(("error", "code"), ENDS, ids=lambda e: type(e).__name__)
def test_exit_codes(error: BaseException, code: int, command: Any, capsys: Any) -> None:
    """Each kind of end has its exit code, one message on stderr, nothing on stdout, no traceback."""
    command(raising(error))
    assert cli.run(["try"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "found" in err or isinstance(error, KeyboardInterrupt)
    assert "Traceback" not in err


@pytest.mark.parametrize(("error", "code"), ENDS, ids=lambda e: type(e).__name__)
def test_json_of_errors(error: BaseException, code: int, command: Any, capsys: Any) -> None:
    """With --json stdout holds one document with the error, and nothing else."""
    command(raising(error))
    assert cli.run(["try", "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"lamplighter", "error"}
    assert set(document["error"]) == {"kind", "message", "where", "fix"}


@pytest.mark.parametrize("error", [errors.DataError("found"), ZeroDivisionError("found")])
def test_debug(error: Exception, command: Any, capsys: Any) -> None:
    """--debug shows the traceback and keeps the exit code."""
    command(raising(error))
    code = cli.run(["try"])
    capsys.readouterr()
    assert cli.run(["try", "--debug"]) == code
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trian"], "Did you mean train?"),
        (["train", "--epohcs", "3"], "--epochs"),
        (["train", "x", "--json", "--nothing"], "--nothing"),
    ],
)
def test_usage(arguments: list[str], told: str, capsys: Any) -> None:
    """A mistyped command or flag ends with 2 and the nearest name, as JSON when that was asked."""
    assert cli.run(arguments) == 2
    out, err = capsys.readouterr()
    assert told in err
    if "--json" in arguments:
        assert told in json.loads(out)["error"]["message"]


def test_all_settings_at_once(capsys: Any) -> None:
    """Wrong values of several flags are told in one message."""
    assert cli.run(["train", "digits", "--batch", "0", "--lr", "fast", "--augment", "lihgt"]) == 2
    err = capsys.readouterr().err
    assert "3 settings are wrong" in err
    assert "Did you mean light" in err


def test_return_values(command: Any) -> None:
    """A command's number is the exit code; anything else is a good end."""
    for value, code in ((0, 0), (1, 1), (None, 0), ("x", 0)):
        command(lambda value=value: value)
        assert cli.run(["try"]) == code


def test_nothing_steers_the_terminal(capsys: Any) -> None:
    """Control characters, right-to-left marks and markup in names are shown, not obeyed."""
    screen.print_error(errors.DataError(HOSTILE, where=HOSTILE, fix=HOSTILE))
    shown = screen.Screen()
    shown.say(HOSTILE)
    shown.warn(HOSTILE)
    shown.finding(Finding("D101", "error", HOSTILE, HOSTILE, HOSTILE))
    screen.print_table(["a"], [[HOSTILE]])
    out, err = capsys.readouterr()
    for text in (out, err):
        for forbidden in ("\x1b", "\x07", "\u202e", "\r", "\udce9"):
            assert forbidden not in text
        assert "[bold]x[/bold]" in text
        assert "\\x1b" in text


def test_usage_error_steers_nothing(capsys: Any) -> None:
    """Nor does a hostile argument that is quoted back."""
    assert cli.run(["tr\x1b[31m"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def _lamp(code: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    source = str(Path(cli.__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": source, **more}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, check=False, timeout=120
    )


def test_narrow_terminal() -> None:
    """On a terminal without Unicode, JSON stays JSON and errors stay readable."""
    code = "from lamplighter.cli.screen import print_json; print_json({'a': '猫\U0001f600'})"
    done = _lamp(code, PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["a"] == "猫\U0001f600"
    done = _lamp("from lamplighter.cli import main; main(['猫'])", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert b"\\u732b" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes there end differently")
def test_reader_went_away() -> None:
    """`lamp … | head` ends quietly when the reader closes the pipe."""
    code = (
        "import os, sys; read, write = os.pipe(); os.dup2(write, 1); os.close(read); os.close(write)\n"
        "from lamplighter.cli import main; main(['--help'])"
    )
    done = _lamp(code)
    assert done.stderr == b""
    assert done.returncode == 0


def test_lamp_alone_is_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the help is shown as it is, and the exit code says that it was no command."""
    assert cli.run([]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Usage: lamp")
    assert said.rstrip().endswith("Start with: lamp train digits")


def test_a_command_that_wants_arguments_shows_its_help_when_it_gets_none(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is missing is named with the help to look at."""
    assert cli.run(["predict"]) == 2
    assert "lamp predict --help" in capsys.readouterr().err


def test_what_a_network_prints_is_no_part_of_the_document(
    command: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """A network with print() in its forward: `--json` still gives one document, for programs."""

    def body() -> None:
        print("shape", (3, 32, 32))
        screen.print_json({"run": "a"})

    command(body)
    assert cli.run(["try", "--json"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["run"] == "a"
    assert err == "shape (3, 32, 32)\n"
    assert cli.run(["try"]) == 0
    assert capfd.readouterr().out.startswith("shape")
