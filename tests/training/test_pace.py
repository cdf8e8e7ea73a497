"""A learning rate whose time is limited: it goes through its curve by the clock where it must."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.training.test_session import Heard, journal

from lamplighter.run_folder import RunFolder
from lamplighter.training import loop
from lamplighter.training.pace import Pace
from lamplighter.training.session import Session


def walked(pace: Pace, seconds_of_a_step: float, steps: int) -> list[int]:
    """The place of each step when all take that long."""
    return [pace.position(step, step * seconds_of_a_step) for step in range(steps)]


def test_a_plan_that_fits_is_walked_by_its_steps() -> None:
    """The limit is a safety net there, and the clock moves nothing."""
    told: list[float] = []
    pace = Pace(100.0, 500, by_clock=False, told=told.append)
    assert walked(pace, 0.19, 500) == list(range(500))
    assert told == []
    assert not pace.by_clock


def test_slow_first_steps_are_not_taken_for_the_pace() -> None:
    """A first step of two seconds (kernels are chosen) would foretell four times the limit."""
    pace = Pace(100.0, 200, by_clock=False, told=lambda _: None)
    places = [pace.position(step, 2.0 + step * 0.4 if step else 0.0) for step in range(200)]
    assert places == list(range(200))


def test_a_plan_that_is_too_long_is_walked_by_the_clock() -> None:
    """From a twentieth of the time on; its end is reached with the time's."""
    told: list[float] = []
    pace = Pace(100.0, 1000, by_clock=False, told=told.append)
    places = walked(pace, 1.0, 100)
    assert places[:5] == [0, 1, 2, 3, 4]
    assert places[50:] == [step * 10 for step in range(50, 100)]
    assert told == [pytest.approx(1000.0)]


@pytest.mark.parametrize(("limit", "steps"), [(0.0, 1000), (100.0, 0)])
def test_without_a_limit_or_a_plan_steps_are_counted(limit: float, steps: int) -> None:
    """Also where nobody knows how many batches there are."""
    pace = Pace(limit, steps, by_clock=True, told=lambda _: None)
    assert walked(pace, 10.0, 50) == list(range(50))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the time is a second after the last."""
    now = iter(range(10**6))
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: float(next(now))))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("schedule", "hurries"), [("linear", True), ("constant", False)])
def test_the_rate_falls_within_the_limit(
    parts: Any, tmp_path: Path, schedule: str, hurries: bool
) -> None:
    """Of 500 epochs some twenty are made, and the last step has next to no rate; it is said why."""
    heard = Heard()
    folder = RunFolder(tmp_path)
    made = parts(epochs=500, schedule=schedule, time_limit=600.0)
    session = Session(folder, made, listener=heard)
    session.run(journal(folder))
    assert session.progress.ended == "the time limit of 10 minutes"
    assert 1 < session.progress.epoch < 500
    rates = [row["lr"] for row in folder.metrics()]
    if not hurries:
        assert len(set(rates)) == 1
        assert heard.said == []
        return
    assert rates[-1] < 0.05 * rates[0]
    assert session.progress.by_clock
    (said,) = [text for text in heard.said if "time limit" in text]
    assert "500 epochs would take" in said
    assert said.endswith("in the 10 that there are")
