"""`lamp.train(resume=…)`: the same as `lamp train --resume`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lamplighter
from lamplighter.cli import run as lamp
from lamplighter.errors import UsageError
from lamplighter.listener import Listener

SMALL: dict[str, Any] = {
    "model": "tutorial_cnn", "size": 8, "batch": 64, "checks": "off", "tensorboard": False,
    "device": "cpu", "schedule": "constant",
}  # fmt: skip


class StopsAfter(Listener):
    """Presses Ctrl-C after an epoch."""

    def epoch_done(self, row: dict[str, Any]) -> None:
        if row["epoch"] == 1:
            raise KeyboardInterrupt


def test_a_run_goes_on_from_python(tmp_path: Path) -> None:
    """By itself, by name and as the newest unfinished one, a run goes on to the same weights."""
    out = str(tmp_path)
    quiet = Listener()
    whole = lamplighter.train("digits", epochs=2, out=out, name="whole", listener=quiet, **SMALL)
    with pytest.raises(KeyboardInterrupt):
        lamplighter.train("digits", epochs=2, out=out, name="b", listener=StopsAfter(), **SMALL)
    gone_on = lamplighter.train(resume=True, out=out, listener=quiet)
    assert gone_on.path.name == "b"
    assert gone_on.artifact.read_bytes() == whole.artifact.read_bytes()
    further = lamplighter.train(resume=gone_on, epochs=3, listener=quiet)
    assert further.path == gone_on.path
    assert further.epochs == 3
    with pytest.raises(UsageError, match="the run is finished"):
        lamplighter.train(resume=str(further.path), listener=quiet)


def test_a_run_whose_time_is_used_up(tmp_path: Path) -> None:
    """It goes on with more time only: with the same limit it would train one step and end again."""
    quiet = Listener()
    limited = lamplighter.train(
        "digits", epochs=50, time_limit=1e-6, out=str(tmp_path), listener=quiet, **SMALL
    )
    assert limited.epochs == 1
    with pytest.raises(UsageError, match=r"the time limit of 1e-06 minutes is used up") as told:
        lamplighter.train(resume=limited, epochs=60, listener=quiet)
    assert told.value.fix.endswith("--time-limit 2e-06")
    further = lamplighter.train(resume=limited, epochs=2, time_limit=0, listener=quiet)
    assert further.epochs == 2


def test_the_best_figures_of_a_running_training_are_named_as_those_of_an_ended_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """status.json has the same keys meanwhile, and `lamp runs` shows the figure."""
    meanwhile: list[dict[str, Any]] = []

    class Looks(Listener):
        def epoch_done(self, row: dict[str, Any]) -> None:
            status = json.loads((tmp_path / "a/status.json").read_text())
            if row["epoch"] > 2 and status["best"]:
                meanwhile.append(status)

    settings = {**SMALL, "epochs": 6, "out": str(tmp_path), "name": "a", "listener": Looks()}
    run = lamplighter.train("digits", **settings)
    assert meanwhile
    assert all(status["state"] == "running" for status in meanwhile)
    assert all(set(status["best"]) == set(run.best) for status in meanwhile)
    (tmp_path / "a/status.json").write_text(json.dumps(meanwhile[-1]))
    assert lamp(["runs", str(tmp_path), "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["runs"]
    assert shown["best"]["val_accuracy"] == meanwhile[-1]["best"]["val_accuracy"]
