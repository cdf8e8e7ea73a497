"""S103, S106 and T103 of tables and pictures: each dirty case beside a clean one that is nearly the same."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lamplighter.checks.splits import feature_gives_label_away
from lamplighter.checks.transforms import channels_reversed, preprocessed_differently
from lamplighter.checks.windows import times_surrounded


def series(count: int = 400, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows of a day's number, a weekday and a measurement, and a level that walks."""
    draw = torch.Generator().manual_seed(seed)
    day = torch.arange(count, dtype=torch.float32)
    walk = torch.randn(count, generator=draw).cumsum(0)
    rows = torch.stack([day / 50 - 4, day % 7, torch.randn(count, generator=draw)], 1)
    return rows, walk


@pytest.mark.parametrize("column", [0, 2])
def test_times_of_both_sides_are_told(column: int) -> None:
    """S106: rows of a series were mixed before the split, wherever the time stands."""
    rows, level = series()
    rows = rows.roll(column, 1)
    order = torch.randperm(400, generator=torch.Generator().manual_seed(1))
    (found,) = times_surrounded(rows[order[:320]], level[order[:320]], rows[order[320:]])
    assert (found.code, found.level) == ("S106", "warning")
    assert f"column {column} counts the time" in found.message


def test_a_cut_by_time_and_what_is_no_series_stay_silent() -> None:
    """The last days, targets that jump from day to day, and a curve over even places."""
    rows, level = series()
    order = torch.randperm(400, generator=torch.Generator().manual_seed(1))
    train, held = order[:320], order[320:]
    assert list(times_surrounded(rows[:320], level[:320], rows[320:])) == []
    assert list(times_surrounded(rows[train], torch.randn(320), rows[held])) == []
    place = torch.linspace(-1, 1, 400)[:, None]
    curve = torch.cat([place, place**2, torch.sin(3 * place)], 1)
    assert list(times_surrounded(curve[train], (place**3)[train], curve[held])) == []


@pytest.mark.parametrize("filled", [0.0, -1.3])
def test_a_column_of_one_class_is_told(filled: float) -> None:
    """S103: it was filled in when the label was known."""
    rows, label = torch.randn(300, 5), torch.arange(300) % 3 == 0
    rows[:, 2] = torch.where(label, torch.randint(1, 13, (300,)).float(), filled)
    (found,) = feature_gives_label_away(rows, label.long())
    assert (found.code, found.level, found.where) == ("S103", "warning", "feature 2")


def test_a_column_that_tells_of_some_stays_silent() -> None:
    """One customer of the other class has such a value too; in pictures, many places decide."""
    rows, label = torch.randn(300, 5), torch.arange(300) % 3 == 0
    rows[:, 2] = torch.where(label, torch.randint(1, 13, (300,)).float(), 0.0)
    rows[1, 2] = 4.0
    assert list(feature_gives_label_away(rows, label.long())) == []
    pixels = torch.rand(300, 16)
    pixels[:, 4] = torch.where(label, pixels[:, 4] + 0.1, 0.0)
    pixels[:, 5] += 0.9 * label
    assert list(feature_gives_label_away(pixels, label.long())) == []


def photographs(seed: int, lead: float) -> Tensor:
    """`(40, 3, 8, 8)` of very different brightness, the first channel above the last by this much."""
    draw = torch.Generator().manual_seed(seed)
    light = torch.randn(40, 1, 1, 1, generator=draw)
    pictures = light + 0.2 * torch.randn(40, 3, 8, 8, generator=draw)
    pictures[:, 0] += lead / 2
    pictures[:, 2] -= lead / 2
    return pictures


@pytest.mark.parametrize("lead", [0.3, 0.6])
def test_turned_channels_are_told_at_any_brightness(lead: float) -> None:
    """T103: the difference of channels changes its sign, while the light differs by much more."""
    train, held = photographs(1, lead), photographs(2, lead)
    assert [f.code for f in channels_reversed(train, held.flip(1))] == ["T103"]
    assert list(channels_reversed(train, held)) == []
    assert list(channels_reversed(train, photographs(2, 0.0))) == []
    assert list(channels_reversed(train, photographs(2, -3 * lead))) == []


def test_rare_words_are_no_other_preparation() -> None:
    """T102: most columns of a table of words are 0 nearly everywhere, and some have no word at all."""
    draw = torch.Generator().manual_seed(0)
    often = torch.rand(200, generator=draw) * 0.03
    train, held = ((torch.rand(n, 200, generator=draw) < often).float() for n in (400, 60))
    assert list(preprocessed_differently(train, held)) == []
    (found,) = preprocessed_differently(torch.randn(400, 6), 40 * torch.randn(60, 6))
    assert found.code == "T102"
