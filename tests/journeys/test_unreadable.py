"""Pictures that cannot be read: all told before the training, or all left out where that is asked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lamplighter.cli import run as lamp


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes in three splits; one picture of train is cut off, one of test is empty."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 24), ("val", 8), ("test", 8)):
        for name, level in (("dark", 60), ("light", 190)):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = generator.normal(level, 50, (12, 12, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{split}{i}.png")
    whole = tmp_path / "photos/train/dark/train0.png"
    (tmp_path / "photos/train/dark/cut.png").write_bytes(whole.read_bytes()[:60])
    (tmp_path / "photos/test/light/void.png").write_bytes(b"")
    return tmp_path / "photos"


def _train(photos: Path, *flags: str) -> list[str]:
    runs = str(photos.parent / "runs")
    return ["train", str(photos), "--model", "tutorial_cnn", "--size", "12", "--epochs", "1",
            "--no-tensorboard", "--out", runs, "--name", "one", *flags]  # fmt: skip


def test_those_of_all_splits_are_told_in_one_answer(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who mends what is named has nothing more to mend: the test's pictures are named as well."""
    assert lamp(_train(photos)) == 3
    said = capsys.readouterr().err
    assert "2 pictures cannot be read" in said
    assert "train/dark/cut.png" in said
    assert "test/light/void.png: the file is empty (0 bytes)" in said
    assert "--skip-unreadable" in said


def test_those_of_the_test_are_left_out_as_well(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--skip-unreadable trains although the test holds an empty file, and its figures name it."""
    assert lamp(_train(photos, "--skip-unreadable", "--json")) == 0
    out, said = capsys.readouterr()
    assert "1 unreadable picture is left out: train/dark/cut.png" in said
    document = json.loads(out)
    assert document["test"]["n"] == 16
    assert [Path(path).name for path in document["test"]["unreadable"]] == ["void.png"]
    found = next(f for f in document["findings"] if f["code"] == "D121")
    assert found["paths"] == [str(photos / "test/light/void.png")]
    kept = json.loads((photos.parent / "runs/one/findings.json").read_text())
    assert next(f for f in kept if f["code"] == "D121")["allowed"] == (
        "left out, as --skip-unreadable asks"
    )


def test_a_finding_names_its_files(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where only the test has an empty file, the check that stops the training says which it is."""
    (photos / "train/dark/cut.png").unlink()
    assert lamp(_train(photos)) == 1
    said = capsys.readouterr().err
    assert "D121 error test: 1 picture has no bytes" in said
    assert f"      {photos / 'test/light/void.png'}" in said
