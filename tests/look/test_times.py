"""A table's time column tells whether train reaches past the beginning of validation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from lamplighter.data.moments import moment_of, tells_moments
from lamplighter.look.measure import measure_file
from lamplighter.look.verdict import look

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


def table(folder: Path, days: dict[str, list[int]], column: str = "date_taken") -> Path:
    """A table of pictures taken so many days into 2024, by split."""
    rows = [f"path,label,split,{column}"]
    for split, taken in days.items():
        for place, day in enumerate(taken):
            name = f"{split}{place}.png"
            Image.effect_noise((24, 24), 60).save(folder / name)
            label = "cat" if place % 2 else "dog"
            when = (NEW_YEAR + timedelta(days=day)).strftime("%Y-%m-%d")
            rows.append(f"{name},{label},{split},{when}")
    path = folder / "all.csv"
    path.write_text("\n".join(rows))
    return path


def leaks(path: Path) -> list:
    return [f for f in look(path, near=False).findings if f.code == "S106"]


def test_a_spoilt_cut_by_time_names_the_late_pictures(tmp_path):
    """Two pictures of train from after the first of validation are a warning, and are named."""
    found = leaks(table(tmp_path, {"train": [*range(20), 31, 32], "val": list(range(30, 40))}))
    assert [f.level for f in found] == ["warning"]
    assert {Path(path).name for path in found[0].paths} == {"train20.png", "train21.png"}
    assert found[0].message == (
        "2 of 22 pictures in train are from after the first of val (2024-01-31),"
        " as the time column says"
    )


def test_splits_mixed_in_time_are_told_as_information(tmp_path):
    """Whether time matters, a table does not say: a split by chance is no warning."""
    found = leaks(table(tmp_path, {"train": list(range(0, 40, 2)), "val": list(range(1, 40, 4))}))
    assert [(f.level, f.where, f.paths) for f in found] == [("info", "train and val", ())]
    assert "cut at a date" in found[0].fix


@pytest.mark.parametrize("column", ["date_taken", "shutter"])
def test_no_time_column_and_no_overlap_say_nothing(tmp_path, column):
    """Validation after train is as it should be; a column of another name is not read as time."""
    mixed = {"train": [1, 9] * 6, "val": [2, 8] * 6}
    ordered = {"train": list(range(10)), "val": list(range(10, 20))}
    assert leaks(table(tmp_path, ordered if column == "date_taken" else mixed, column)) == []


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01T10:20:30",
        "2024-05-01 10:20:30+00:00",
        "2024:05:01 10:20:30",
        "2024/05/01 10:20:30",
        "1714558830",
        1714558830.0,
    ],
)
def test_one_moment_in_many_ways(text):
    """ISO, the camera's way and seconds since 1970 are one moment."""
    assert moment_of(text) == datetime(2024, 5, 1, 10, 20, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("text", ["", None, "03/04/2024", "soon", "7", "nan"])
def test_what_could_mean_two_things_is_no_moment(text):
    """Nothing, words, counts, and days that two continents read differently."""
    assert moment_of(text) is None


def test_a_column_tells_moments_where_every_filled_field_does():
    """Empty fields are passed over; one word, or a single moment, makes it another column."""
    assert tells_moments(["2024-05-01", "", "2024-05-02"])
    assert not tells_moments(["2024-05-01", "soon", "2024-05-02"])
    assert not tells_moments(["2024-05-01", ""])


@pytest.mark.parametrize(("fraction", "seconds"), [("05", 0.05), ("5", 0.5), ("", 0.0), ("x", 0.0)])
def test_fractions_of_a_second(fraction: str, seconds: float, tmp_path: Path) -> None:
    """EXIF's fraction is what stands behind the point: "05" is a twentieth."""
    exif = Image.Exif()
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.DateTimeOriginal] = "2024:05:01 10:20:30"
    inner[ExifTags.Base.SubsecTimeOriginal] = fraction
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    taken = datetime(2024, 5, 1, 10, 20, 30, tzinfo=UTC).timestamp()
    assert measure_file(tmp_path / "a.jpg").taken == taken + seconds
