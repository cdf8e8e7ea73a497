"""Tables with several labels, or a number, for each picture: what counts as a class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lamplighter.data.sources import open_source
from lamplighter.data.split import collect
from lamplighter.errors import DataError
from lamplighter.look.loose import open_for_look
from lamplighter.look.verdict import look, scan

Rows = list[tuple[str, ...]]


@pytest.fixture
def table(tmp_path: Path, draw: Callable[[int], Image.Image]) -> Callable[[str, Rows], Path]:
    """Head and rows without paths → a table of as many photographs."""

    def write(head: str, rows: Rows) -> Path:
        lines = [f"path,{head}"]
        for place, row in enumerate(rows):
            draw(place).resize((48, 40)).save(tmp_path / f"{place}.jpg")
            lines.append(",".join([f"{place}.jpg", *row]))
        path = tmp_path / "labels.csv"
        path.write_text("\n".join(lines))
        return path

    return write


def _codes(found: object) -> set[str]:
    return {finding.code for finding in found}  # type: ignore[attr-defined]


def test_each_label_of_several_is_a_class(table: Callable[[str, Rows], Path]) -> None:
    """What stands together in one picture is no class of its own, and no label is none."""
    rows: Rows = [("1", "0"), ("0", "1"), ("1", "1"), ("0", "0")] * 3
    seen = look(table("sun,sea", rows), size=32)
    assert seen.classes == {"sea": {"all": 6}, "sun": {"all": 6}}
    small = next(finding for finding in seen.findings if finding.code == "Y112")
    assert "1 picture of sea" in small.message
    assert small.message.endswith("(sea, sun)")


def test_a_new_pair_of_known_labels_is_no_unknown_class(
    table: Callable[[str, Rows], Path],
) -> None:
    """Validation shows two known labels in one picture, which train never did: no Y103."""
    rows: Rows = [("1", "0", "train"), ("0", "1", "train")] * 6 + [("1", "1", "val")] * 4
    seen = look(table("sun,sea,split", rows), size=32)
    assert "Y103" not in _codes(seen.findings)


def test_a_label_that_train_never_has_is_unknown_among_several(
    table: Callable[[str, Rows], Path],
) -> None:
    """A label itself that only validation has stays an error, by its name."""
    rows: Rows = [("1", "0", "train")] * 8 + [("1", "1", "val")] * 4
    found = next(
        f for f in look(table("sun,sea,split", rows), size=32).findings if f.code == "Y103"
    )
    assert (found.level, found.where) == ("error", "val")
    assert "val has 1 class that train has not: sea" in found.message


def test_a_common_label_among_several_is_no_answer_to_always_give(
    table: Callable[[str, Rows], Path],
) -> None:
    """The share that one answer would get right is said only where a picture has one label."""
    rows: Rows = [("1", "0")] * 30 + [("1", "1")] * 2
    found = [f for f in look(table("sun,sea", rows), size=32).findings if f.code == "Y112"]
    assert any("sun has 32 pictures, sea 2: 16 times as many" in f.message for f in found)
    assert not any("always saying" in f.message for f in found)


def test_numbers_are_no_classes(table: Callable[[str, Rows], Path]) -> None:
    """A number for each picture: nothing is said about classes, and none are listed."""
    rows: Rows = [(f"{place}.5",) for place in range(24)]
    source = open_source(str(table("depth", rows)), label_column="depth", task="regression")
    collection = collect(source, task="regression", seed=0)
    assert not _codes(scan(collection, size=32)) & {"Y103", "Y112"}
    assert set(look(collection, size=32).classes) == {""}


def test_the_split_column_is_named_where_it_tears_groups(
    table: Callable[[str, Rows], Path],
) -> None:
    """Who has named the groups is told of the split column, not to name the groups."""
    rows: Rows = [("a" if place % 2 else "b", f"p{place // 4}", word)
                  for place, word in enumerate(["train", "train", "train", "val"] * 6)]  # fmt: skip
    found = next(
        f for f in look(table("label,group,split", rows), size=32).findings if f.code == "S105"
    )
    assert "as the group column says" in found.message
    assert "split column" in found.fix


def test_a_table_of_measurements_can_be_looked_at(table: Callable[[str, Rows], Path]) -> None:
    """`lamp look` needs no task: what no class can be made of is looked at without classes."""
    path = table("depth", [(f"{place}.25",) for place in range(24)])
    seen = look(open_for_look(path), size=32)
    assert (seen.files, set(seen.classes)) == (24, {""})


def test_a_table_that_is_faulty_either_way_keeps_its_message(tmp_path: Path) -> None:
    """A missing column is told as it is for classes."""
    path = tmp_path / "labels.csv"
    path.write_text("depth\n1\n2\n")
    with pytest.raises(DataError, match="path"):
        open_for_look(path)
