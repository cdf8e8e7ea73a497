"""A split keeps its promises: whole groups, balanced classes, the same contents together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lamplighter.data.digests import UnreadableFiles
from lamplighter.data.example import Collection, Example
from lamplighter.data.recorded import collect_as_recorded
from lamplighter.data.split import _beside_copies, collect, fingerprint
from lamplighter.data.split_file import read_split, write_split
from lamplighter.errors import DataError, UsageError
from lamplighter.listener import Listener


@dataclass
class Told:
    """A source of examples whose content is told, not read."""

    found: Sequence[Example]
    contents: dict[str, str] = field(default_factory=dict)
    name: str = "told"
    layout: str = "told"
    root: Path | None = None
    ignored: Sequence[str] = ()
    empty_classes: Sequence[str] = ()
    notes: Sequence[str] = ()

    def examples(self) -> Sequence[Example]:
        return self.found

    def open(self, example: Example, *, draft: tuple[int, int] | None = None) -> Image.Image:
        raise NotImplementedError

    def digest(self, example: Example) -> str:
        content = self.contents.get(example.key, example.key)
        return hashlib.sha256(content.encode()).hexdigest()


class Ears(Listener):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def warn(self, text: str) -> None:
        self.heard.append(text)


def told(counts: dict[str, int], split: str | None = None) -> list[Example]:
    return [
        Example(f"{split}/{label}/{number}", label, split=split)
        for label, count in counts.items()
        for number in range(count)
    ]


def where_each(collection: Collection) -> dict[str, str]:
    return {one.key: name for name, members in collection.splits.items() for one in members}


counts_of_classes = st.dictionaries(
    st.sampled_from("abcdef"), st.integers(1, 60), min_size=2, max_size=6
)


@settings(max_examples=60, deadline=None)
@given(counts_of_classes, st.integers(0, 3), st.floats(0.1, 0.4), st.floats(0.0, 0.3))
def test_stratified(counts: dict[str, int], seed: int, val: float, test: float) -> None:
    """Every class has its share in every split, give or take one, and one in val if it has two."""
    collection = collect(Told(told(counts)), val=val, test=test, seed=seed)
    found = {name: Counter(one.label for one in some) for name, some in collection.splits.items()}
    for label, count in counts.items():
        assert abs(found.get("val", Counter())[label] - count * val) <= 1
        # a class of two or three gives to val first, and test goes without
        assert abs(found.get("test", Counter())[label] - count * test) <= 1.5
        assert found["train"][label] >= 1
        if count >= 2:
            assert found["val"][label] >= 1
    assert sum(sum(one.values()) for one in found.values()) == sum(counts.values())


grouped = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.integers(0, 40)),
    min_size=20,
    max_size=120,
).filter(lambda rows: len({label for label, _, _ in rows}) > 1)


@settings(max_examples=60, deadline=None)
@given(grouped, st.integers(0, 3))
def test_groups_and_copies_stay_together(rows: list[tuple[str, int, int]], seed: int) -> None:
    """No group and no content lies in two splits, and train holds every class."""
    examples = [Example(f"{i}", row[0], group=str(row[1])) for i, row in enumerate(rows)]
    source = Told(examples, {f"{i}": f"content {row[2]}" for i, row in enumerate(rows)})
    placed = where_each(collect(source, val=0.25, test=0.1, seed=seed))
    for column in (1, 2):
        homes: dict[int, set[str]] = {}
        for i, row in enumerate(rows):
            homes.setdefault(row[column], set()).add(placed[f"{i}"])
        assert all(len(some) == 1 for some in homes.values())


@settings(max_examples=40, deadline=None)
@given(counts_of_classes, st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_and_names_do_not_matter(counts: dict[str, int], random: object, seed: int) -> None:
    """The same contents lie in the same splits when files are shuffled and renamed."""
    examples = told(counts)
    first = collect(Told(examples), seed=seed)
    renamed = [replace(one, key=f"new/{number}") for number, one in enumerate(examples)]
    contents = {new.key: old.key for new, old in zip(renamed, examples, strict=True)}
    random.shuffle(renamed)  # type: ignore[attr-defined]
    second = collect(Told(renamed, contents), seed=seed)
    assert {contents[key]: split for key, split in where_each(second).items()} == where_each(first)
    assert fingerprint(first) == fingerprint(second)


def test_content_keeps_its_place_when_others_come() -> None:
    """Adding a tenth more pictures moves only a few of the old ones."""
    before = where_each(collect(Told(told({"a": 500, "b": 500})), val=0.2))
    after = where_each(collect(Told(told({"a": 550, "b": 550})), val=0.2))
    assert sum(after[key] != split for key, split in before.items()) < 60


def test_seed_changes_the_split() -> None:
    """Another seed cuts elsewhere; the same seed cuts the same."""
    source = Told(told({"a": 50, "b": 50}))
    one, two, again = (where_each(collect(source, seed=seed)) for seed in (1, 2, 1))
    assert one == again != two


def test_own_splits_are_kept() -> None:
    """Train and val that the data bring are left alone, and no test is cut."""
    source = Told(told({"a": 30, "b": 30}, "train") + told({"a": 5, "b": 5}, "val"))
    collection = collect(source)
    assert {name: len(some) for name, some in collection.splits.items()} == {"train": 60, "val": 10}
    assert collection.made_splits == ()


def test_val_is_cut_from_train_never_from_test() -> None:
    """With train and test only, val comes out of train and test stays whole."""
    source = Told(told({"a": 50, "b": 50}, "train") + told({"a": 9, "b": 9}, "test"))
    collection = collect(source)
    assert {name: len(some) for name, some in collection.splits.items()} == {
        "train": 90,
        "val": 10,
        "test": 18,
    }
    assert collection.made_splits == ("val",)


def test_small_data_get_no_test_split() -> None:
    """A test split is cut only where it is large enough to say something."""
    small = collect(Told(told({"a": 50, "b": 50})))
    large = collect(Told(told({"a": 100, "b": 100})))
    assert (set(small.splits), len(small.splits["val"])) == ({"train", "val"}, 20)
    assert "no test split" in small.said
    assert len(large.splits["test"]) == len(large.splits["val"]) == 30


def test_examples_without_split_join_those_with() -> None:
    """Where some bring splits and others not, only the others are cut."""
    mine = told({"a": 20, "b": 20}, "train") + told({"a": 5, "b": 5}, "val")
    placed = where_each(collect(Told(mine + told({"a": 20, "b": 20}))))
    assert all(placed[one.key] == one.split for one in mine)
    assert {placed[f"None/a/{number}"] for number in range(20)} == {"train", "val"}


def test_unknown_class_in_val() -> None:
    """A class that train does not know is named with count, example, and the likely meaning."""
    source = Told(told({"ants": 5, "bees": 5}, "train") + told({"ants": 3, "beess": 2}, "val"))
    with pytest.raises(
        DataError, match=r"val has a class .*'beess' \(2, such as val/beess/0\) Did you mean bees"
    ):
        collect(source)


def test_missing_class_in_val_warns() -> None:
    """A class that val lacks is said aloud, and the order of classes is train's."""
    ears = Ears()
    source = Told(told({"b": 5, "a": 5}, "train") + told({"a": 3}, "val"))
    assert collect(source, listener=ears).classes == ("a", "b")
    assert "val has no picture of b" in ears.heard[0]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (Told([]), "no pictures found"),
        (Told(told({"a": 9})), "one class only: 'a'"),
        (Told(told({"a": 9, "b": 9}), empty_classes=("c",)), "a class folder holds no picture: c"),
        (Told(told({"a": 9, "b": 9}, "test")), "only test examples, none to train on"),
        (Told([Example("x", ("a", "b")), Example("y", "a")]), "do not fit the task classification"),
    ],
)
def test_data_that_cannot_be_used(source: Told, reason: str) -> None:
    """Each kind of unusable data gets its own sentence."""
    with pytest.raises(DataError, match=reason):
        collect(source, task="classification" if "fit" in reason else "auto")


@pytest.mark.parametrize(
    "shares", [{"val": 0.0}, {"val": 1.0}, {"test": -0.1}, {"val": 0.6, "test": 0.5}]
)
def test_fractions_that_make_no_sense(shares: dict[str, float]) -> None:
    """Fractions that leave nothing to train or to judge on are refused."""
    with pytest.raises(UsageError, match=r"fraction|nothing to train on"):
        collect(Told(told({"a": 9, "b": 9})), **shares)


def test_tasks_by_labels() -> None:
    """Names, tuples of names and numbers mean the three tasks; splits are balanced for each."""
    many = Told([Example(f"{i}", ("a",) if i % 2 else ("a", "b")) for i in range(100)])
    numbers = Told([Example(f"{i}", float(i)) for i in range(100)])
    both = collect(many, val=0.2)
    assert (both.task, both.classes) == ("multilabel", ("a", "b"))
    assert Counter(one.label for one in both.splits["val"]) == {("a",): 10, ("a", "b"): 10}
    line = collect(numbers, val=0.2)
    assert (line.task, line.classes) == ("regression", ())
    assert sorted(int(one.label) // 10 for one in line.splits["val"]) == sorted([*range(10)] * 2)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="do not fit the task regression"):
        collect(Told(told({"a": 9, "b": 9})), task="regression")


def test_large_numbers_stay_different_classes() -> None:
    """Whole numbers are named in full: 1234567 and 1234568 are two classes."""
    numbers = Told([Example(f"{i}", 1234567.0 + i % 2) for i in range(40)])
    assert collect(numbers, task="classification").classes == ("1234567", "1234568")


def test_skipped_keys_are_left_out() -> None:
    """Keys to skip are in no split."""
    source = Told(told({"a": 9, "b": 9}))
    assert "None/a/3" not in where_each(collect(source, skip={"None/a/3"}))


def test_split_file_round_trip(tmp_path: Path) -> None:
    """Odd names come back from split.csv as they were written."""
    odd = ['a,b"c', "=SUM(A1)", "zwei\nZeilen", "名前", "x\udce9y", " spaces "]
    examples = [Example(f"{label}/{i}", label) for label in odd for i in range(4)]
    collection = collect(Told(examples, {one.key: ascii(one.key) for one in examples}))
    write_split(collection, tmp_path / "split.csv")
    rows = read_split(tmp_path / "split.csv")
    assert {row.key: row.split for row in rows} == where_each(collection)
    assert {row.label for row in rows} == set(odd)
    assert {row.key: row.digest for row in rows} == dict(collection.digests)
    (tmp_path / "split.csv").write_text("path,label\n")
    with pytest.raises(DataError, match="expected the columns path,class,split,sha256"):
        read_split(tmp_path / "split.csv")


def test_recorded_split_is_put_back(tmp_path: Path) -> None:
    """The split of a run comes back from its file, for renamed files too and without new ones."""
    examples = told({"a": 20, "b": 20})
    first = collect(Told(examples), seed=5)
    write_split(first, tmp_path / "split.csv")
    rows = read_split(tmp_path / "split.csv")
    moved = replace(examples[0], key="moved")
    ears = Ears()
    again = collect_as_recorded(
        Told([*examples[1:], moved, Example("new", "a")], {"moved": examples[0].key}),
        rows,
        listener=ears,
    )
    assert fingerprint(again) == fingerprint(first)
    assert ears.heard == [
        "1 file is not in the run's split, having come later or been left out then: left out"
    ]


def test_recorded_copies_that_were_renamed(tmp_path: Path) -> None:
    """Two files of one content have new names: both are in the split again."""
    examples = told({"a": 20, "b": 20})
    same = {examples[1].key: examples[0].key}
    first = collect(Told(examples, same), seed=5)
    write_split(first, tmp_path / "split.csv")
    moved = [replace(one, key=f"moved/{n}") for n, one in enumerate(examples[:2])]
    contents = {one.key: examples[0].key for one in moved}
    ears = Ears()
    again = collect_as_recorded(
        Told([*examples[2:], *moved], contents), read_split(tmp_path / "split.csv"), listener=ears
    )
    assert fingerprint(again) == fingerprint(first)
    assert ears.heard == []


def test_files_beside_a_recorded_split_need_not_be_readable(tmp_path: Path) -> None:
    """One that the run has left out does not stop its split; one that it names does."""
    examples = told({"a": 20, "b": 20})
    broken = examples[0].key

    class Broken(Told):
        def digest(self, example: Example) -> str:
            if example.key == broken:
                raise DataError("the file cannot be read: no rights", where=example.key)
            return super().digest(example)

    first = collect(Told(examples[1:]), seed=5)
    write_split(first, tmp_path / "split.csv")
    again = collect_as_recorded(Broken(examples), read_split(tmp_path / "split.csv"))
    assert fingerprint(again) == fingerprint(first)
    write_split(collect(Told(examples), seed=5), tmp_path / "split.csv")
    with pytest.raises(DataError, match=f"{broken}: cannot be read"):
        collect_as_recorded(Broken(examples), read_split(tmp_path / "split.csv"))


def test_recorded_files_that_are_gone(tmp_path: Path) -> None:
    """Recorded files that are gone or changed are named instead of quietly missing."""
    examples = told({"a": 20, "b": 20})
    write_split(collect(Told(examples)), tmp_path / "split.csv")
    rows = read_split(tmp_path / "split.csv")
    with pytest.raises(DataError, match="2 files of the recorded split") as caught:
        collect_as_recorded(Told(examples[1:], {examples[1].key: "other"}), rows)
    assert f"{examples[0].key}: gone" in caught.value.message
    assert f"{examples[1].key}: changed" in caught.value.message


def test_files_that_cannot_be_hashed() -> None:
    """Files that cannot be read are listed with their keys, so that they can be skipped."""

    class Broken(Told):
        def digest(self, example: Example) -> str:
            if example.key.endswith("/3"):
                raise DataError("the file cannot be read: no rights", where=example.key)
            return super().digest(example)

    source = Broken(told({"a": 9, "b": 9}))
    with pytest.raises(UnreadableFiles, match="2 of 18 files cannot be read") as caught:
        collect(source)
    assert caught.value.keys == {"None/a/3", "None/b/3"}
    assert len(where_each(collect(source, skip=caught.value.keys))) == 16


def test_large_groups_still_reach_val() -> None:
    """Two large groups of a class are shared out, though neither fits the fraction asked for."""
    examples = [
        Example(f"{label}{number}", label, group=f"{label}{number % 2}")
        for label in "ab"
        for number in range(100)
    ]
    for seed in range(5):
        collection = collect(Told(examples), val=0.1, seed=seed)
        for name in ("train", "val"):
            assert Counter(one.label for one in collection.splits[name]) == {"a": 50, "b": 50}


def test_a_copy_of_a_picture_with_a_split_joins_it() -> None:
    """An example without a split whose content lies in train already is never put into val."""
    mixed = [
        Example("a/1", "x", split="train"),
        Example("a/2", "x", split="val"),
        Example("b/1", "x"),
        Example("b/2", "x"),
        Example("b/3", "x"),
    ]
    digests = {"a/1": "p", "a/2": "q", "b/1": "p", "b/2": "q", "b/3": "r"}
    assert [one.split for one in _beside_copies(mixed, digests)] == [
        "train", "val", "train", "val", None,
    ]  # fmt: skip
