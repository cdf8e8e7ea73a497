"""Tables are read however they were written, and all their faults are told at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from lamplighter.data.split import collect
from lamplighter.data.table import open_table
from lamplighter.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "c d.png", "sub/e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (2, 2)).save(tmp_path / name)
    return tmp_path


def labels(path: Path, **options: object) -> dict[str, object]:
    return {one.key: one.label for one in open_table(path, **options).examples()}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b"path,label\na.png,cat\nb.png,dog\n"),
        ("t.csv", b"\xef\xbb\xbfFilename;Class\r\na.png;cat\r\n\r\nb.png;dog\r\n"),
        ("t.csv", b'target,"image_path"\n"cat","a.png"\ndog,"b.png"'),
        ("t.tsv", b"file\tcategory\na.png\tcat\nb.png\tdog\n"),
        ("t.csv", "path,label\na.png,cat\nb.png,dog\n".encode("utf-16")),
        ("t.csv", b"a.png,cat\nb.png,dog\n"),
        ("t.csv", b"what,is it\na.png,cat\nb.png,dog\n"),
        ("t.csv", b"id,breed\na,cat\nb,dog\n"),
        ("t.csv", b"path,label\n.\\a.png,cat\nsub/../b.png,dog\na.png,cat\n"),
        ("t.jsonl", b'{"path": "a.png", "label": "cat"}\n\n{"label": "dog", "path": "b.png"}\n'),
    ],
)
def test_forms(folder: Path, name: str, content: bytes) -> None:
    """Delimiters, quotes, line ends, byte order marks, headers and usual names are understood."""
    (folder / name).write_bytes(content)
    assert labels(folder / name) == {"a.png": "cat", "b.png": "dog"}


def test_split_and_group(folder: Path) -> None:
    """Split and group columns are found, and JSON numbers are names without a point."""
    rows = [
        {"file_name": "a.png", "label": 1, "split": "Train", "patient": 7},
        {"file_name": "b.png", "label": 2, "split": "valid", "patient": 8.0},
    ]
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = open_table(folder / "t.jsonl")
    told = [(one.label, one.split, one.group) for one in source.examples()]
    assert told == [("1", "train", "7"), ("2", "val", "8")]
    assert (
        source.layout
        == "JSONL table (path = file_name; label = label; split = split; group = patient)"
    )


def test_columns_by_name(folder: Path) -> None:
    """Columns can be named, and a wrong name gets the nearest one."""
    (folder / "t.csv").write_text("x1,x2,weight\na.png,cat,1\nb.png,dog,2\n")
    assert labels(folder / "t.csv", path_column="x1", label_column="x2") == {
        "a.png": "cat",
        "b.png": "dog",
    }
    with pytest.raises(
        DataError, match=r"no column 'wieght'; the columns are x1, x2, weight\. Did you mean weight"
    ):
        labels(folder / "t.csv", label_column="wieght")
    with pytest.raises(DataError, match="no label column found; the columns are x1, x2, weight"):
        labels(folder / "t.csv")


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("path,tags\na.png,x|y\nb.png,y\n", {}),
        ("path,tags\na.png,x y\nb.png,y\n", {"task": "multilabel"}),
        ("path,x,y\na.png,1,1\nb.png,0,1\n", {}),
        ("path,p,q\na.png,x,y\nb.png,,y\n", {"label_column": "p,q"}),
    ],
)
def test_multilabel(folder: Path, content: str, options: dict[str, str]) -> None:
    """Several labels come from a separator, from yes-and-no columns, or from several columns."""
    (folder / "t.csv").write_text(content)
    assert labels(folder / "t.csv", **options) == {"a.png": ("x", "y"), "b.png": ("y",)}


def test_regression_only_when_asked(folder: Path) -> None:
    """Numbers are classes unless regression is asked for, and measurements point to it."""
    (folder / "t.csv").write_text("path,label\na.png,0.5\nb.png,1.5\n")
    assert labels(folder / "t.csv", task="regression") == {"a.png": 0.5, "b.png": 1.5}
    assert labels(folder / "t.csv") == {"a.png": "0.5", "b.png": "1.5"}
    rows = []
    for number in range(40):
        Image.new("L", (2, 2)).save(folder / f"n{number}.png")
        rows.append(f"n{number}.png,{number / 7}")
    (folder / "t.csv").write_text("\n".join(["path,label", *rows]))
    with pytest.raises(DataError, match="holds 40 different numbers") as caught:
        labels(folder / "t.csv")
    assert "--task regression" in caught.value.fix


def test_regression_learns_one_column(folder: Path) -> None:
    """Of two columns of numbers neither is dropped without a word."""
    (folder / "t.csv").write_text("path,width,height\na.png,0.5,2\nb.png,1.5,3\n")
    asked = {"label_column": "width,height", "task": "regression"}
    with pytest.raises(DataError, match="and 2 columns hold labels: width, height") as caught:
        labels(folder / "t.csv", **asked)
    assert caught.value.fix == "say which it is: --label-column width"


@pytest.mark.parametrize("odd", ["inf", "-Infinity", "1e999", "-nan"])
def test_infinities_are_told_by_their_row(folder: Path, odd: str) -> None:
    """An infinity among numbers turns nothing into classes: its row is named, whatever the task."""
    (folder / "t.csv").write_text(f"path,label\na.png,0.5\nb.png,{odd}\nc d.png,1.5\n")
    with pytest.raises(DataError, match=rf"holds numbers, and these rows none:\n  line 3: {odd}"):
        labels(folder / "t.csv")
    with pytest.raises(DataError, match=r"line 3: b\.png"):
        labels(folder / "t.csv", task="regression")


def test_inf_may_be_a_class_among_names(folder: Path) -> None:
    """Where the other labels are no numbers, it is a name like any other."""
    (folder / "t.csv").write_text("path,label\na.png,inf\nb.png,zero\n")
    assert set(labels(folder / "t.csv").values()) == {"inf", "zero"}


def test_data_root(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Paths start from the table's folder or from the one that is given."""
    other = tmp_path_factory.mktemp("tables")
    (other / "t.csv").write_text(f"path,label\n{folder / 'a.png'},x\nsub/e.png,y\n")
    assert labels(other / "t.csv", data_root=folder) == {"a.png": "x", "sub/e.png": "y"}


def test_all_faults_at_once(folder: Path) -> None:
    """Missing files, missing labels and wrong splits are told together, ten rows and a count."""
    rows = [f"gone{number}.png,cat,train" for number in range(12)]
    rows += ["a.png,NaN,train", "b.png,cat,sometimes", ",cat,train", "c d.png,,val"]
    (folder / "t.csv").write_text("\n".join(["path,label,split", *rows]))
    with pytest.raises(DataError) as caught:
        labels(folder / "t.csv")
    told = caught.value.message
    assert "13 rows name no file that is there:\n  line 2: gone0.png" in told
    assert "  … and 3 more" in told
    assert "2 rows have no label:\n  line 14: a.png (nothing)\n  line 17: c d.png (nothing)" in told
    assert "line 15: split 'sometimes'; expected train, val or test" in told
    assert f"paths start from {folder}" in caught.value.fix


def test_minus_one_is_no_class(folder: Path) -> None:
    """-1 beside several numbers means unlabelled; beside 1 alone it is a class."""
    (folder / "t.csv").write_text("path,label\na.png,-1\nb.png,0\nc d.png,1\n")
    with pytest.raises(DataError, match=r"1 row has no label:\n  line 2: a.png \(-1\)"):
        labels(folder / "t.csv")
    (folder / "t.csv").write_text("path,label\na.png,-1\nb.png,1\n")
    assert set(labels(folder / "t.csv").values()) == {"-1", "1"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the table is empty"),
        (b"path,label\n", "a header and no rows"),
        (b"path,label,label\na.png,x,y\n", "two columns are called 'label'"),
        (b"path,label\na.png,x,y\n", "1 rows do not have the 2 fields"),
        (b'path,label\na.png,"x\n', "cannot be read"),
        (b"path,label\na.png,caf\xe9\n", "line 2 is not UTF-8"),
        (b"label,sentence\n1,good film\n", "no path column found"),
        (b"path,label\na.png,x\na.png,y\n", "line 3: a.png stood above with other values"),
    ],
)
def test_tables_that_cannot_be_used(folder: Path, content: bytes, reason: str) -> None:
    """Each unusable table gets its own sentence."""
    (folder / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        labels(folder / "t.csv")


def test_broken_jsonl(folder: Path) -> None:
    """Lines that are no JSON objects are told by their numbers."""
    (folder / "t.jsonl").write_text('{"path": "a.png"\n[1]\n')
    with pytest.raises(
        DataError, match=r"2 lines are no JSON objects:\n  line 1: .*\n  line 2: list"
    ):
        labels(folder / "t.jsonl")


def test_groups_reach_the_split(folder: Path) -> None:
    """A group of the table lies in one split."""
    rows = []
    for number in range(60):
        Image.new("L", (2, 2), number).save(folder / f"g{number}.png")
        rows.append(f"g{number}.png,{'ab'[number % 2]},{number // 6}")
    (folder / "t.csv").write_text("\n".join(["path,label,group", *rows]))
    collection = collect(open_table(folder / "t.csv"), val=0.3)
    homes = {(one.group, name) for name, some in collection.splits.items() for one in some}
    assert len(homes) == 10
    assert 12 <= len(collection.splits["val"]) <= 24
