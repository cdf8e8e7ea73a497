"""What was measured is found again for the same machine, network and batch, and for no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lamplighter.training import remembered as room


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache of its own."""
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path))


def test_an_answer_is_found_again(parts: Any) -> None:
    """The same training looks in the same place, and finds what was put there."""
    room.remember(room.place_of("gain", parts(), "net", 1), {"gain": 1.5})
    assert room.recall(room.place_of("gain", parts(), "net", 1)) == {"gain": 1.5}


def test_another_training_looks_elsewhere(parts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another question, network, batch, torch, processor or number of threads has its own place."""
    first = room.place_of("gain", parts(), "net", 1)
    others = [
        room.place_of("other", parts(), "net", 1),
        room.place_of("gain", parts(), "net2", 1),
        room.place_of("gain", parts(), "net", 2),
        room.place_of("gain", parts(batch=8), "net", 1),
    ]
    # making a batch sets one thread, and then as many as there were: as many as it was told
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    for owner, name, value in (
        (torch, "__version__", "9.9"),
        (torch, "get_num_threads", lambda: 77),
        (room, "processor", lambda: "another"),
        (room, "cores", lambda: 77),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(owner, name, value)
            others.append(room.place_of("gain", parts(), "net", 1))
    assert len({first, *others}) == 1 + len(others)


@pytest.mark.parametrize("text", ["", "[1]", "\xff{"])
def test_what_cannot_be_read_is_nothing(text: str, tmp_path: Path) -> None:
    """A file cut short by a full disk costs a measurement, no more."""
    (tmp_path / "broken.json").write_text(text, encoding="latin-1")
    assert room.recall(tmp_path / "broken.json") == {}
    assert room.recall(tmp_path / "missing.json") == {}


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """A file lies where the folder would be."""
    (tmp_path / "gain").write_text("")
    room.remember(tmp_path / "gain" / "a.json", {"gain": 1.5})
    assert room.recall(tmp_path / "gain" / "a.json") == {}
