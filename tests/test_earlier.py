"""V103: the data that a run is about to train on are not those of the last run on them."""

from __future__ import annotations

import io
import shutil
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lamplighter as lamp
from lamplighter import stages
from lamplighter.data.split_file import SplitRow
from lamplighter.earlier import Changes, compare
from lamplighter.listener import SILENT


def _paint(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(value).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classes of twenty small pictures, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    for number in range(40):
        _paint(tmp_path / "photos" / ("ant" if number % 2 else "bee") / f"{number}.png", number)
    return tmp_path / "photos"


def _train(**settings: Any) -> list[Any]:
    run = lamp.train("photos", model="tutorial_cnn", epochs=1, size=12, listener=SILENT, **settings)
    return [f for f in run.findings if f.code == "V103"]


def test_changes_since_the_last_run_are_told_once(photos: Path) -> None:
    """What was added, removed, changed and relabelled, with the run and the way to compare."""
    assert _train(name="first") == []
    assert _train(name="same", split_seed=3) == []  # another split of the same pictures
    _paint(photos / "ant" / "new.png", 100)
    _paint(photos / "ant" / "newer.png", 101)
    (photos / "ant" / "1.png").unlink()
    _paint(photos / "bee" / "2.png", 102)
    (photos / "ant" / "3.png").rename(photos / "bee" / "3.png")
    (photos / "ant" / "5.png").rename(photos / "ant" / "another name.png")
    (finding,) = _train(name="third")
    assert (finding.level, finding.where) == ("warning", "photos")
    assert finding.message == (
        "the pictures are not those of the last run on them (runs/same): 2 added, 1 removed, "
        "1 changed in content, 1 under another label; it had 40, now there are 41. The scores of "
        "the two say nothing about each other"
    )
    assert finding.fix == (
        "if that was not meant, put the files back; if it was, compare the runs on the pictures "
        "that both know: lamp compare runs/same NEW --shared"
    )
    assert set(finding.paths) == {
        "ant/new.png", "ant/newer.png", "ant/1.png", "bee/2.png", "bee/3.png",
    }  # fmt: skip
    assert _train(name="fourth") == []  # the last run has the new ones already


def test_lamp_check_tells_it_too(photos: Path) -> None:
    """`lamp check DATA` prints it without training, and is silent where no run was before."""
    from lamplighter.cli.check import command

    def check() -> str:
        told = io.StringIO()
        with redirect_stdout(told):
            command.main(
                ["photos/", "--model", "tutorial_cnn", "--size", "12", "--fast"],
                standalone_mode=False,
            )
        return told.getvalue()

    assert "V103" not in check()
    _train(name="first")
    assert "V103" not in check()
    (photos / "ant" / "1.png").unlink()
    said = check()
    assert "V103" in said
    assert "(runs/first): 1 removed; it had 40, now there are 39" in said


def test_other_data_and_broken_runs_are_no_earlier_run(photos: Path) -> None:
    """A run on another folder says nothing, and one whose files are damaged is passed over."""
    _train(name="first")
    (photos / "ant" / "1.png").unlink()
    photos.rename(photos.with_name("pictures"))
    other = lamp.train(
        "pictures", model="tutorial_cnn", epochs=1, size=12, name="other", listener=SILENT
    )
    assert [f for f in other.findings if f.code == "V103"] == []
    photos.with_name("pictures").rename(photos)
    (photos.parent / "runs" / "first" / "split.csv").write_text("cut")
    assert _train(name="second") == []


def test_the_same_folder_is_known_by_another_path(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written otherwise or seen from elsewhere it is the same; the same words elsewhere are not."""
    out = str(photos.parent / "runs")
    _train(name="first", out=out)
    (photos / "ant" / "1.png").unlink()
    elsewhere = photos.parent / "elsewhere"
    for number in range(200, 220):
        _paint(elsewhere / "photos" / ("ant" if number % 2 else "bee") / f"{number}.png", number)

    def told(data: str) -> list[str]:
        report = stages.check(
            lamp.Recipe(data=data, model="tutorial_cnn", size=12, batch=4, out=out)
        )
        return [f.message for f in report if f.code == "V103"]

    for data in (".//photos", str(photos), "elsewhere/../photos/"):
        assert [f"({out}/first): 1 removed" in said for said in told(data)] == [True], data
    monkeypatch.chdir(elsewhere)
    assert told("photos") == []
    assert len(told("../photos")) == 1


def test_a_link_that_leads_elsewhere_has_other_data(photos: Path) -> None:
    """V103 is about what a name stands for, so a link is known by its own name."""
    old, new = photos.with_name("old"), photos.with_name("new")
    photos.rename(old)
    photos.symlink_to(old)
    assert _train(name="first") == []
    shutil.copytree(old, new)
    (new / "ant" / "1.png").unlink()
    photos.unlink()
    photos.symlink_to(new)
    assert len(_train(name="second")) == 1


def test_renamed_files_and_copies_are_told_apart() -> None:
    """A copy beside the original is a new picture; the original under a new name is not."""
    a, b = SplitRow("a.png", "x", "train", "1"), SplitRow("b.png", "x", "val", "1")
    assert compare([a], [b]) == Changes()
    assert compare([a], [a, b]) == Changes(added=("b.png",))
    assert compare([a, b], [b]) == Changes(removed=("a.png",))
    assert compare([a], [SplitRow("y/a.png", "y", "train", "1")]) == Changes(
        relabelled=("y/a.png",)
    )
