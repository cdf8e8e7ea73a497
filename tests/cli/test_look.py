"""`lamp look`: exit codes, one JSON document, a page, and what a person reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lamplighter.cli import run


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classes of twelve small coloured pictures, and a cache of its own."""
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    root = tmp_path / "photos"
    for place in range(24):
        folder = root / ("ants" if place % 2 else "bees")
        folder.mkdir(parents=True, exist_ok=True)
        rough = Image.fromarray(rng.integers(0, 255, (9, 9, 3)).astype(np.uint8))
        rough.resize((96, 80), Image.Resampling.BICUBIC).save(
            folder / f"{'abcdefghijkl'[place // 2]}.png"
        )
    return root


def test_the_answer_is_zero_when_nothing_forbids_training(photos, capsys):
    """Counts and the verdict are printed; findings below error leave the exit code at 0."""
    assert run(["look", str(photos), "--size", "64"]) == 0
    told = capsys.readouterr().out
    assert "class folders" in told
    assert "ants" in told
    assert "24 pictures in 2 classes" in told


def test_an_error_is_exit_code_1_and_names_the_file(photos, capsys):
    """An unreadable file is told with its key and reason."""
    (photos / "ants/broken.jpg").write_bytes(b"<html>gone</html>")
    assert run(["look", str(photos), "--size", "64"]) == 1
    told = capsys.readouterr().out
    assert "D120 error" in told
    assert "ants/broken.jpg" in told
    assert "web page" in told
    assert "Not ready" in told


def test_json_is_one_document_and_nothing_else(photos, capsys):
    """stdout holds exactly one JSON document."""
    assert run(["look", str(photos), "--json", "--size", "64"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == 24
    assert document["classes"]["ants"] == {"all": 12}


def test_ctrl_c_is_exit_code_130_after_what_is_known(photos, capsys, monkeypatch):
    """A stopped look prints its verdict and ends like everything that a person stopped."""
    from lamplighter.look import judge

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(judge, "near_duplicates", stopped)
    assert run(["look", str(photos), "--size", "64"]) == 130
    assert "stopped before all near duplicates were searched" in capsys.readouterr().out


def test_data_that_is_not_there_is_exit_code_3(tmp_path, capsys):
    """The failure is told on stderr, and as JSON where that was asked for."""
    assert run(["look", str(tmp_path / "nowhere"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "data"


def test_a_page_and_sheets_are_written_where_asked(photos, tmp_path, capsys):
    """`--html` writes the page and says where."""
    assert run(["look", str(photos), "--html", str(tmp_path / "page.html"), "--size", "64"]) == 0
    assert "page.html" in capsys.readouterr().err
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_cache_is_cleared_without_data(photos, capsys):
    """`--clear-cache` alone frees the cache and ends well."""
    run(["look", str(photos), "--size", "64"])
    assert run(["look", "--clear-cache"]) == 0
    assert "MiB freed" in capsys.readouterr().err


def test_without_data_the_usage_is_told(capsys):
    """DATA is needed for everything else."""
    assert run(["look"]) == 2
    assert "DATA is missing" in capsys.readouterr().err
