"""Folders are understood as they lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from lamplighter.data.example import Example
from lamplighter.data.files import FileSource
from lamplighter.data.folder import open_folder
from lamplighter.data.label_files import looks_like_label_files, open_label_files
from lamplighter.data.split import collect
from lamplighter.errors import DataError


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (2, 2), "red").save(path)
    return path


def labels(source: FileSource) -> dict[str, object]:
    return {one.key: one.label for one in source.examples()}


def test_class_folders(tmp_path: Path) -> None:
    """Folders are classes; nested pictures belong to the class above them."""
    for name in ("bees/1.jpg", "ants/deep/er/2.PNG", "ants/with space.jpeg"):
        picture(tmp_path / name)
    source = open_folder(tmp_path)
    assert labels(source) == {
        "ants/deep/er/2.PNG": "ants",
        "ants/with space.jpeg": "ants",
        "bees/1.jpg": "bees",
    }
    assert (source.layout, source.root) == ("class folders", tmp_path)
    assert source.open(source.examples()[0]).size == (2, 2)


@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("Training", "VALIDATION", "Testing"), ("train", "valid", "test")],
)
def test_split_folders(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Split folders are known by their usual names, in any case."""
    for name in names:
        picture(tmp_path / name / "a" / "1.png")
    source = open_folder(tmp_path)
    assert {one.split for one in source.examples()} == {
        "train",
        "val",
        "test",
    }
    assert source.layout == "class folders, split train/val/test"


def test_what_is_passed_over(tmp_path: Path) -> None:
    """Hidden files, system litter and other files are no examples, and are listed."""
    picture(tmp_path / "a/1.png")
    picture(tmp_path / "b/.hidden.png")
    picture(tmp_path / "__MACOSX/a/._1.png")
    picture(tmp_path / "b/2.png")
    (tmp_path / "a/Thumbs.db").touch()
    (tmp_path / "a/notes.txt").touch()
    (tmp_path / "README.md").touch()
    source = open_folder(tmp_path)
    assert set(labels(source)) == {"a/1.png", "b/2.png"}
    assert sorted(source.ignored) == [
        "README.md",
        "__MACOSX",
        "a/Thumbs.db",
        "a/notes.txt",
        "b/.hidden.png",
    ]


def test_lone_folder_is_entered(tmp_path: Path) -> None:
    """A folder that only wraps the classes is entered, and the layout says so."""
    picture(tmp_path / "data/set/a/1.png")
    picture(tmp_path / "data/set/b/1.png")
    source = open_folder(tmp_path)
    assert source.layout == "class folders, inside data/set/"
    assert set(labels(source)) == {"a/1.png", "b/1.png"}


def test_one_class_is_no_wrapping(tmp_path: Path) -> None:
    """A single class folder stays a class, so that the error can name it."""
    picture(tmp_path / "ants/1.png")
    with pytest.raises(DataError, match="one class only: 'ants'"):
        collect(open_folder(tmp_path))


def test_symlink_loop(tmp_path: Path) -> None:
    """A link back to the folder above does not go round for ever or count pictures twice."""
    picture(tmp_path / "a/1.png")
    picture(tmp_path / "b/1.png")
    (tmp_path / "a/again").symlink_to(tmp_path / "a")
    assert len(open_folder(tmp_path).examples()) == 2


def test_composed_names(tmp_path: Path) -> None:
    """A class is the same whether its accents came composed or not."""
    picture(tmp_path / "train/caf\u00e9/1.png")
    picture(tmp_path / "train/tea/1.png")
    picture(tmp_path / "val/cafe\u0301/1.png")
    assert set(labels(open_folder(tmp_path)).values()) == {"caf\u00e9", "tea"}


def test_empty_class_is_named(tmp_path: Path) -> None:
    """An empty class folder stops the work and is named."""
    picture(tmp_path / "a/1.png")
    picture(tmp_path / "b/1.png")
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match="holds no picture: c"):
        collect(open_folder(tmp_path))


def test_unlabelled_test_folder_is_left_out(tmp_path: Path) -> None:
    """A test folder without classes is left out, and this is said."""
    picture(tmp_path / "train/a/1.png")
    picture(tmp_path / "train/b/1.png")
    picture(tmp_path / "test/1.png")
    source = open_folder(tmp_path)
    assert source.notes == ("test/ has no class folders (1 picture): left out",)
    assert {one.split for one in source.examples()} == {"train"}


def test_class_called_test(tmp_path: Path) -> None:
    """Without a train folder, test beside others is a class."""
    picture(tmp_path / "test/1.png")
    picture(tmp_path / "control/1.png")
    assert set(labels(open_folder(tmp_path)).values()) == {"test", "control"}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((), "the folder is empty"),
        (("1.png", "2.png"), "found 2 pictures and no class folders"),
        (("train/a/1.png", "Training/a/1.png"), "mean the split 'train'"),
        (("val/a/1.png", "test/a/1.png"), "but no train/"),
        (("train/1.png", "val/1.png"), "train/ holds 1 picture and no class folders"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, names: tuple[str, ...], reason: str) -> None:
    """Each unusable folder gets its own sentence, and a next step."""
    for name in names:
        picture(tmp_path / name)
    with pytest.raises(DataError, match=reason) as caught:
        open_folder(tmp_path)
    assert caught.value.fix


def test_label_files(tmp_path: Path) -> None:
    """The word in each picture's own text file is its class, whatever the folder is called."""
    for split in ("train", "val"):
        for name, word in (("ants", "ants"), ("bees", "bees\r\n")):
            picture(tmp_path / split / f"{name}_image" / "1.jpg")
            (tmp_path / split / f"{name}_label").mkdir()
            (tmp_path / split / f"{name}_label" / "1.txt").write_text(word)
    assert looks_like_label_files(tmp_path)
    source = open_label_files(tmp_path)
    assert source.layout == "label files, split train/val"
    assert source.examples()[0] == Example(
        "train/ants_image/1.jpg", "ants", tmp_path / "train/ants_image/1.jpg", "train"
    )
    assert set(labels(source).values()) == {"ants", "bees"}


def test_label_files_without_splits(tmp_path: Path) -> None:
    """The layout is known without split folders too, and class folders are not taken for it."""
    picture(tmp_path / "image/1.jpg")
    (tmp_path / "label").mkdir()
    (tmp_path / "label/1.txt").write_text("cat")
    assert labels(open_label_files(tmp_path)) == {"image/1.jpg": "cat"}
    picture(tmp_path / "other/ants/1.jpg")
    assert not looks_like_label_files(tmp_path / "other")


def test_missing_label_files_are_listed(tmp_path: Path) -> None:
    """Pictures whose label file is missing, empty or too long are told in one error."""
    (tmp_path / "a_label").mkdir()
    for number, text in ((1, "a"), (2, ""), (3, "a\nb"), (4, None)):
        picture(tmp_path / f"a_image/{number}.jpg")
        if text is not None:
            (tmp_path / f"a_label/{number}.txt").write_text(text)
    with pytest.raises(DataError) as caught:
        open_label_files(tmp_path)
    told = caught.value.message
    assert "3 pictures have no usable label file" in told
    assert "a_image/2.jpg: a_label/2.txt is empty" in told
    assert "a_image/3.jpg: a_label/3.txt holds several lines" in told
    assert "a_image/4.jpg: no a_label/4.txt" in told
