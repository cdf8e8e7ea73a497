"""The scripts of a first course in examples/: each mistake named, with its line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lamplighter.cli import run as lamp

COURSE = Path(__file__).parents[2] / "examples" / "course"
KEPT = {"train": 64, "test": 18}  # pictures of each class: ten batches, and two and a part

# script → code → what stands in the line that is named
MISTAKES = {
    "train.py": {
        "D106": "train_dataloader = DataLoader(train_data, batch_size=64)",
        "M109": "nn.Linear(64, 10),",
        "E102": "drop_last=True",
        "E101": "total_accuracy / train_data_size",
        "A104": "torch.save(net,",
    },
    "relu.py": {"M114": "self.relu1(x)"},
    "flatten.py": {"M104": "torch.reshape(x, (64, -1))"},
    "two_folders.py": {"Y110": "zeros_dataset + ones_dataset"},
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The class folders that the scripts read, with as many pictures of each class as show it all."""
    folder = tmp_path_factory.mktemp("course") / "data"
    subprocess.run([sys.executable, str(COURSE / "pictures.py"), str(folder)], check=True)
    for split, kept in KEPT.items():
        for kind in (folder / split).iterdir():
            for picture in sorted(kind.iterdir())[kept:]:
                picture.unlink()
    return folder


@pytest.mark.parametrize("name", list(MISTAKES))
def test_each_mistake_of_the_course_is_named_with_its_line(
    name: str, pictures: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other error or warning comes beside the mistakes that are really there."""
    monkeypatch.chdir(pictures.parent)  # logs and saved networks go beside the pictures
    lamp(["check", str(COURSE / name), "--json", "--", str(pictures)])
    found = json.loads(capfd.readouterr().out)
    lines = (COURSE / name).read_text().splitlines()
    told = {f["code"]: f["line"] for f in found["findings"] if f["level"] != "info"}
    assert told.keys() == MISTAKES[name].keys()
    for code, text in MISTAKES[name].items():
        assert text in lines[told[code] - 1], (code, lines[told[code] - 1])


def test_the_folder_says_what_is_wrong_with_each() -> None:
    """README.md names every script of the folder."""
    said = (COURSE / "README.md").read_text()
    assert all(f"`{name}`" in said for name in MISTAKES)
    scripts = {path.name for path in COURSE.glob("*.py")} - {"pictures.py"}
    assert scripts == set(MISTAKES)
