"""Whatever a person names as data is opened, or answered with what was expected."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lamplighter.data.own import OwnSets
from lamplighter.data.sources import open_source
from lamplighter.data.split import Collection, collect
from lamplighter.earlier import place_of
from lamplighter.errors import DataError, UsageError

OWN = """
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

READ = []

class Squares(Dataset):
    classes = ["dark", "light"]
    def __len__(self): return 12
    def __getitem__(self, index):
        READ.append(index)
        return Image.new("L", (4, 4), index * 20), int(index >= 6)

class Known(Squares):
    targets = torch.tensor([0] * 6 + [1] * 6)

class Arrays(Squares):
    def __getitem__(self, index):
        return np.full((4, 4, 3), index, np.uint8), "ab"[index % 2]

class Stream(IterableDataset):
    def __iter__(self): yield torch.zeros(3), 1

def pair(): return Squares(), Squares()
def tensors(): return {"training": TensorDataset(torch.rand(6, 3), torch.arange(6)), "valid": Stream()}
def needs(path): return Squares()
def fails(): raise RuntimeError("no luck")
def strange(): return {"first": Squares()}
def number(): return 3
loader = DataLoader(TensorDataset(torch.rand(6, 3), torch.arange(6)), batch_size=2)
class Empty(Squares):
    def __len__(self): return 0
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "own_sets.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "own_sets"
    sys.modules.pop("own_sets", None)


def place(root: Path, *classes: str) -> Path:
    for name in classes:
        (root / name).mkdir(parents=True)
        for number in range(3):
            shade = sum(name.encode()) % 200 + number
            Image.new("L", (3, 3), shade).save(root / name / f"{number}.png")
    return root


def collected(text: str | Path, **named: Any) -> Collection:
    """The pictures that a text names, sorted into splits."""
    source = open_source(text)
    assert not isinstance(source, OwnSets)
    return collect(source, **named)


def test_own_pictures(own: str) -> None:
    """A set of pictures becomes a source: named classes, a split, pictures on demand."""
    collection = collected(f"{own}:Squares")
    assert collection.classes == ("dark", "light")
    assert {name: len(some) for name, some in collection.splits.items()} == {"train": 10, "val": 2}
    last = next(one for some in collection.splits.values() for one in some if one.index == 11)
    assert collection.source.open(last).getpixel((0, 0)) == 220


def test_own_pictures_are_read_sparingly(own: str) -> None:
    """Labels that the set holds are taken from there; else each item is read once, not twice."""
    known = open_source(f"{own}:Known")
    assert [one.label for one in known.examples()][5:7] == ["dark", "light"]  # type: ignore[union-attr]
    read = sys.modules[own].READ
    assert set(read) == {0}
    read.clear()
    collected(f"{own}:Squares")
    assert len(read) == 12 + 1  # the peek that tells pictures from tensors


def test_own_arrays_and_pairs(own: str) -> None:
    """Arrays are pictures too, and a pair is train and val."""
    arrays = collected(f"{own}:Arrays")
    assert arrays.source.open(arrays.splits["train"][0]).mode == "RGB"
    assert set(collected(f"{own}:pair").splits) == {"train", "val"}


def test_own_tensors(own: str) -> None:
    """Sets of tensors, loaders and streams stay what they are."""
    found = open_source(f"{own}:tensors")
    assert isinstance(found, OwnSets)
    assert type(found.val).__name__ == "Stream"
    assert found.test is None
    loader = open_source(f"{own}:loader")
    assert isinstance(loader, OwnSets)
    assert loader.train is sys.modules[own].loader


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("needs", DataError, r"needs arguments \(path\)"),
        ("fails", DataError, "calling it failed: RuntimeError: no luck"),
        ("strange", DataError, "keys 'first'; expected train, val, test"),
        ("number", DataError, "train is int; expected a Dataset"),
        ("Empty", DataError, "train set is empty"),
        ("Sqares", UsageError, "Did you mean Squares"),
    ],
)
def test_own_that_cannot_be_used(own: str, name: str, kind: type[Exception], reason: str) -> None:
    """Each way in which an own set can be wrong gets its own sentence."""
    with pytest.raises(kind, match=reason):
        open_source(f"{own}:{name}")


def test_joined(tmp_path: Path) -> None:
    """A + B has the classes of both, and keys that do not clash."""
    one, two = place(tmp_path / "one", "ants", "bees"), place(tmp_path / "two", "bees", "wasps")
    collection = collected(f"{one} + {two}")
    keys = {member.key for some in collection.splits.values() for member in some}
    assert collection.classes == ("ants", "bees", "wasps")
    assert {"one/bees/0.png", "two/bees/0.png", "one/ants/0.png"} <= keys
    assert len(keys) == 12
    source = collection.source
    for member in source.examples():
        shade = sum(str(member.label).encode()) % 200 + int(member.key[-5])
        assert source.open(member).getpixel((0, 0)) == shade
    assert source.name == "one+two"


def test_many_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names together may be longer than any path."""
    monkeypatch.chdir(tmp_path)
    names = [f"part-{number:02d}-of-the-collection" for number in range(16)]
    for number, name in enumerate(names):
        (tmp_path / name / "cat").mkdir(parents=True)
        Image.new("L", (4, 4), number).save(tmp_path / name / "cat" / "0.png")
    text = " + ".join(names)
    assert len(text) > 255
    assert len(open_source(text).examples()) == 16
    assert place_of(text, None) == " + ".join(str(tmp_path / name) for name in names)
    with pytest.raises(DataError, match="there is no such file or folder"):
        open_source("x" * 300)


def test_joined_twins_share_a_split(tmp_path: Path) -> None:
    """The same picture in both sources lies in one split."""
    one, two = place(tmp_path / "one", "ants", "bees"), place(tmp_path / "two", "bees", "wasps")
    collection = collected(f"{one} + {two}", val=0.4)
    homes: dict[str, set[str]] = {}
    for name, some in collection.splits.items():
        for member in some:
            homes.setdefault(collection.digests[member.key], set()).add(name)
    assert len(homes) == 9
    assert all(len(names) == 1 for names in homes.values())


def test_same_source_twice(tmp_path: Path) -> None:
    """Two sources of one name are numbered."""
    one, two = place(tmp_path / "x/photos", "a", "b"), place(tmp_path / "y/photos", "a", "b")
    keys = [member.key for member in open_source(f"{one} + {two}").examples()]  # type: ignore[union-attr]
    assert {"photos-1/a/0.png", "photos-2/a/0.png"} <= set(keys)


def test_folder_before_known_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder called digits is that folder; without it the built-in digits are meant."""
    monkeypatch.chdir(tmp_path)
    assert len(open_source("digits").examples()) == 1797  # type: ignore[union-attr]
    place(tmp_path / "digits", "a", "b")
    assert len(open_source("digits").examples()) == 6  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("phtos", "no known data set of that name. Did you mean photos"),
        ("cifr10", "Did you mean cifar10"),
        ("set.zip", "unpack it"),
        ("sheet.xlsx", "save the sheet as CSV"),
        ("one.png", "for one picture: lamp predict"),
        ("net.py", "net:NAME"),
        ("what.bin", "a table that ends in .csv"),
    ],
)
def test_what_is_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    """A text that names no data is answered with the nearest thing or the way to it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("set.zip", "sheet.xlsx", "one.png", "net.py", "what.bin"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        open_source(text)
    assert reason in str(caught.value)
    assert caught.value.exit_code == 3


def test_nothing_is_written_into_the_data_folder(tmp_path: Path) -> None:
    """Opening, hashing and decoding leave the folder as it was, also when it is read-only."""
    place(tmp_path / "data", "a", "b")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    collection = collected(tmp_path / "data")
    for example in collection.splits["train"]:
        assert np.asarray(collection.source.open(example)).shape == (3, 3)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_torchvision_root_as_a_folder(tmp_path: Path) -> None:
    """A folder that holds nothing but a known set's files is that set; a larger one is not."""
    from struct import pack

    raw = tmp_path / "root/MNIST/raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(pack(">HBB3I", 0, 8, 3, 2, 2, 2) + bytes(8))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(pack(">HBBI", 0, 8, 1, 2) + b"\0\1")
    assert open_source(tmp_path / "root").name == "mnist"
    place(tmp_path / "root", "ants", "bees")
    assert open_source(tmp_path / "root").name == "root"
