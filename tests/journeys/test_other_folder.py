"""A run whose data were named from one folder, and that is asked about in another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lamplighter.cli import run as lamp


def test_data_are_found_where_they_lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluating and going on work from anywhere; once the data are gone, their place is named."""
    generator = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 190)):
        folder = tmp_path / "home/photos" / name
        folder.mkdir(parents=True)
        for i in range(24):
            pixels = generator.normal(level, 50, (12, 12, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.png")
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    asked = "train photos --model tutorial_cnn --size 12 --epochs 1 --no-tensorboard --name one"
    assert lamp(asked.split()) == 0

    run = str(tmp_path / "home/runs/one")
    monkeypatch.chdir(tmp_path / "else")
    assert lamp(["evaluate", run, "--split", "val"]) == 0
    assert lamp(["train", "--resume", run, "--epochs", "2"]) == 0

    (tmp_path / "home/photos").rename(tmp_path / "home/gone")
    assert lamp(["evaluate", run, "--split", "val"]) == 3


def test_the_place_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message about data that are gone says where they lay, not how they were once called."""
    folder = tmp_path / "run"
    folder.mkdir()
    place = tmp_path / "away/photos"
    (folder / "recipe.toml").write_text(f'data = "photos"\n\n[facts]\ndata_at = "{place}"\n')
    (folder / "status.json").write_text('{"state": "interrupted"}')
    assert lamp(["train", "--resume", str(folder)]) == 3
    assert f"data: {place}: there is no such file or folder" in capsys.readouterr().err
