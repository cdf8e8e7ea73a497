"""`lamp explain` and `lamp doctor` as they are typed."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import pytest

from lamplighter.cli import run


class Danger:
    """Would run a program when unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("exit 1",)


def test_an_error_is_read_from_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`… | lamp explain -` prints meaning, place and fixes on stdout."""
    text = 'Traceback (most recent call last):\n  File "train.py", line 9, in <module>\n    loss(out, y)\nIndexError: Target 10 is out of bounds.\n'
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert run(["explain", "-"]) == 0
    shown = capsys.readouterr().out
    assert "at least 11 outputs" in shown
    assert "train.py:9 in <module>: loss(out, y)" in shown
    assert "labels = labels - 1" in shown


def test_an_unknown_error_is_admitted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not known is said so on stderr, with the last line, and exit code 1."""
    monkeypatch.setattr("sys.stdin", io.StringIO("ValueError: no such star\n"))
    assert run(["explain", "-"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "not known; the last line is: ValueError: no such star" in shown.err


def test_the_json_of_an_unknown_error_says_null(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json the document is there in both cases."""
    monkeypatch.setattr("sys.stdin", io.StringIO("ValueError: no such star\n"))
    assert run(["explain", "-", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["explanation"] is None
    assert document["last_line"] == "ValueError: no such star"


def test_an_empty_pipe_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing to explain is told with the command that pipes something."""
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert run(["explain", "-"]) == 2
    assert "2>&1 | lamp explain -" in capsys.readouterr().err


def test_control_characters_of_a_log_do_not_reach_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file name with an escape sequence in an error text is printed as text."""
    text = "FileNotFoundError: [Errno 2] No such file or directory: 'a\x07b\x9b2J'\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert run(["explain", "-"]) == 0
    shown = capsys.readouterr().out
    assert "\x07" not in shown
    assert "\x9b" not in shown


def test_a_layer_is_explained_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """The manual's example, as text and as JSON."""
    typed = ["explain", "Conv2d", "--input", "3x32x32", "out_channels=32", "kernel_size=5", "padding=2"]  # fmt: skip
    assert run(typed) == 0
    assert "B×3×32×32  →  B×32×32×32" in capsys.readouterr().out
    assert run([*typed, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["output"] == "B×32×32×32"
    assert document["parameter_count"] == 2432
    assert "lamplighter" in document


def test_a_mistyped_setting_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A setting without = ends with code 2 and the form that is expected."""
    assert run(["explain", "Conv2d", "3"]) == 2
    assert "expected NAME=VALUE, got '3'" in capsys.readouterr().err


def test_codes_and_families_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """A code prints its title; a letter lists its codes."""
    assert run(["explain", "M104"]) == 0
    assert "M104" in capsys.readouterr().out
    assert run(["explain", "M"]) == 0
    assert "M101" in capsys.readouterr().out
    assert run(["explain", "M999"]) == 2


def test_a_quoted_message_and_a_saved_log_are_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error may also be given as an argument or as a file."""
    message = (
        "Expected more than 1 value per channel when training, got input size torch.Size([1, 4])"
    )
    assert run(["explain", message]) == 0
    assert "spread" in capsys.readouterr().out
    (tmp_path / "log.txt").write_text(f"ValueError: {message}\n")
    assert run(["explain", str(tmp_path / "log.txt")]) == 0


def test_a_quoted_message_may_be_long(capsys: pytest.CaptureFixture[str]) -> None:
    """A text that is longer than any file's name is no file."""
    said = "IndexError: Target 10 is out of bounds."
    assert run(["explain", f"{'somewhere in my notebook, ' * 20}\n{said}"]) == 0
    assert "at least 11 outputs" in capsys.readouterr().out


def test_the_doctor_on_a_file_answers_by_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0: opening it runs no code; 1: it does; 4: there is no such file."""
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(Danger()))
    (tmp_path / "good.pkl").write_bytes(pickle.dumps({"epoch": 3}))
    assert run(["doctor", str(tmp_path / "good.pkl")]) == 0
    assert "opening it runs no code" in capsys.readouterr().out
    assert run(["doctor", str(tmp_path / "bad.pkl"), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "runs code"
    assert document["dangerous"]
    assert run(["doctor", str(tmp_path / "none.pkl")]) == 4


def test_the_doctor_prints_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last lines are the verdict, with each problem's remedy."""
    monkeypatch.setattr(
        "lamplighter.doctor.probe_torch",
        lambda _python: {"torch_error": "ModuleNotFoundError: No module named 'torch'"},
    )
    assert run(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "torch is not installed" in shown
    assert "→ choose your system at https://pytorch.org/get-started/locally" in shown
