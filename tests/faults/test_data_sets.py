"""Data sets that cannot be used end in one message that names the file and the way out (R8)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


def picture(path: Path, shade: int = 9) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), shade % 256).save(path)


def table(place: Path, text: str | bytes, name: str = "t.csv") -> Path:
    for number in range(8):
        picture(place / f"{number}.png", number * 9)
    content = text if isinstance(text, bytes) else text.encode()
    (place / name).write_bytes(content)
    return place / name


def rows(label: str = "{}", count: int = 8) -> str:
    return "".join(f"{n}.png,{label.format('ab'[n % 2])}\n" for n in range(count))


def folders(place: Path, counts: dict[str, int]) -> Path:
    for name, count in counts.items():
        (place / "d" / name).mkdir(parents=True)
        for number in range(count):
            picture(place / "d" / name / f"{number}.png", len(name) * 40 + number)
    return place / "d"


def looped(place: Path) -> Path:
    root = folders(place, {"a": 1})
    (root / "a" / "again").symlink_to(root)
    return root


Made = Callable[[Path], Path]
# what is made, and what the message has to name
BAD: dict[str, tuple[Made, str]] = {
    "not there": (lambda p: p / "nowhere", "nowhere"),
    "empty folder": (lambda p: folders(p, {}) if (p / "d").mkdir() else p / "d", "d"),
    "one class": (lambda p: folders(p, {"a": 6}), "class"),
    "empty class": (lambda p: folders(p, {"a": 6, "b": 0}), "b"),
    "one picture": (lambda p: folders(p, {"a": 1}), "a"),
    "texts only": (lambda p: (folders(p, {"a": 0}) / "a" / "x.txt").write_text("x") and p / "d", "d"),
    "broken pictures": (lambda p: [(folders(p, {"a": 6, "b": 6}) / "a" / f"{n}.png").write_bytes(b"x") if n == 0 else None for n in range(1)] and p / "d", "0.png"),
    "loop": (looped, "a"),
    "unknown class in val": (lambda p: folders(p, {"train/a": 4, "train/b": 4, "val/c": 2}), "c"),
    "val only": (lambda p: folders(p, {"val/a": 4, "val/b": 4}), "val"),
    "empty table": (lambda p: table(p, ""), "t.csv"),
    "header only": (lambda p: table(p, "path,label\n"), "t.csv"),
    "no such column": (lambda p: table(p, "x,y\n1,2\n"), "t.csv"),
    "missing files": (lambda p: table(p, "path,label\n" + rows() + "99.png,a\n"), "99.png"),
    "missing label": (lambda p: table(p, "path,label\n" + rows() + "0.png,\n"), "t.csv"),
    "two labels": (lambda p: table(p, "path,label\n" + rows() + "0.png,b\n"), "0.png"),
    "ragged": (lambda p: table(p, "path,label\n" + rows() + "0.png\n"), "t.csv"),
    "binary": (lambda p: table(p, b"\x00\x01\x02\xff" * 50), "t.csv"),
    "open quote": (lambda p: table(p, 'path,label\n"0.png,a\n' + rows()), "t.csv"),
    "nan": (lambda p: table(p, "path,label\n" + "".join(f"{n}.png,{'nan' if n == 3 else n / 7 + 0.01}\n" for n in range(8))), "nan"),
    "strange split": (lambda p: table(p, "path,label,split\n" + "".join(f"{n}.png,{'ab'[n % 2]},{'tset' if n == 5 else 'train'}\n" for n in range(8))), "tset"),
    "only test": (lambda p: table(p, "path,label,split\n" + "".join(f"{n}.png,{'ab'[n % 2]},test\n" for n in range(8))), "test"),
    "jsonl broken": (lambda p: table(p, '{"path": "0.png", "label": "a"}\n{"path": \n', "t.jsonl"), "t.jsonl"),
    "jsonl no object": (lambda p: table(p, "[1, 2]\n3\n", "t.jsonl"), "t.jsonl"),
    "jsonl deep": (lambda p: table(p, "[" * 100_000 + "\n", "t.jsonl"), "t.jsonl"),
    "escaping path": (lambda p: table(p, "path,label\n" + rows() + "../../../../etc/passwd,a\n"), "passwd"),
    "directory as file": (lambda p: table(p, "path,label\n" + rows() + ".,a\n"), "t.csv"),
    "own module missing": (lambda p: Path("nomodule:data"), "nomodule"),
    "a picture alone": (lambda p: picture(p / "x.png") or p / "x.png", "x.png"),
}  # fmt: skip
GOOD: dict[str, Made] = {
    "byte order mark": lambda p: table(p, b"\xef\xbb\xbf" + ("path,label\n" + rows()).encode()),
    "crlf": lambda p: table(p, ("path,label\n" + rows()).replace("\n", "\r\n")),
    "quotes": lambda p: table(p, "path,label\n" + rows('"{}, ""quoted"""')),
    "no end of line": lambda p: table(p, ("path,label\n" + rows()).rstrip("\n")),
    "blank lines": lambda p: table(p, "path,label\n\n" + rows() + "\n\n"),
    "semicolons": lambda p: table(p, ("path;label\n" + rows().replace(",", ";"))),
    "tabs": lambda p: table(p, ("path\tlabel\n" + rows().replace(",", "\t")), "t.tsv"),
    "hidden files": lambda p: [picture(folders(p, {"a": 4, "b": 4}) / ".ipynb_checkpoints" / "x.png")] and p / "d",
    "linked class": lambda p: [folders(p, {"a": 4, "b": 4}), folders(p / "o", {"c": 4}), (p / "d" / "c").symlink_to(p / "o" / "d" / "c")] and p / "d",
}  # fmt: skip
TRAIN = ("--model", "tutorial_cnn", "--size", "8", "--epochs", "1", "--checks", "off", "--no-tensorboard")  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
def test_not_to_be_used(name: str, lamp: Any, tmp_path: Path) -> None:
    """One message, its code that of data or usage, what is wrong by its name, and no run begun."""
    made, named = BAD[name]
    data = tmp_path / "data"
    data.mkdir()
    ended = lamp.run(tmp_path, "train", str(made(data)), *TRAIN)
    assert ended.code in (2, 3), ended.said
    assert "Traceback" not in ended.said
    assert ended.said.count("lamp: ") == 1
    assert named in ended.said
    assert "→" in ended.said
    assert not list((tmp_path / "runs").glob("*/model.safetensors"))


@pytest.mark.parametrize("name", list(GOOD))
def test_odd_and_sound(name: str, lamp: Any, tmp_path: Path) -> None:
    """What is merely odd is read as it was meant."""
    data = tmp_path / "data"
    data.mkdir()
    ended = lamp.run(tmp_path, "train", str(GOOD[name](data)), *TRAIN)
    assert ended.code == 0, ended.said


def test_files_that_cannot_be_read_are_left_out_when_asked(tmp_path: Path) -> None:
    """A file without permission ends the run, and with --skip-unreadable it is named and left out."""
    from lamplighter.data import digests
    from lamplighter.errors import DataError
    from lamplighter.listener import Listener
    from lamplighter.recipe import make_recipe
    from lamplighter.stages import _collect, open_data

    root = folders(tmp_path, {"aa": 6, "b": 6})
    said: list[str] = []

    class Heard(Listener):
        def warn(self, text: str) -> None:
            said.append(text)

    recipe = make_recipe({"data": str(root)})
    source = open_data(recipe)
    original = source.digest

    def digest(example: Any) -> str:
        if example.key == "b/3.png":
            raise DataError("the file cannot be read: Permission denied", where=example.path)
        return str(original(example))

    object.__setattr__(source, "digest", digest)
    with pytest.raises(digests.UnreadableFiles, match=r"1 of 12 files cannot be read"):
        _collect(recipe, source, Heard())
    collection = _collect(recipe.with_changes(skip_unreadable=True), source, Heard())
    assert said == ["1 file that cannot be read is left out: b/3.png"]
    assert sum(len(split) for split in collection.splits.values()) == 11
