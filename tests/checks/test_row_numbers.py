"""S103 of a row number, of the target in another unit; Y101 of targets beside another row."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lamplighter.checks.moved_apart import explained_by, targets_moved
from lamplighter.checks.resized import classes_out_of_place
from lamplighter.checks.row_numbers import row_number_decides
from lamplighter.checks.target_units import target_in_another_unit

MADE = torch.Generator().manual_seed(0)
ROWS = torch.randn(300, 6, generator=MADE)
NUMBERS = torch.arange(300.0)
KINDS = torch.repeat_interleave(torch.arange(3), 100)
DRAWN = torch.randperm(300, generator=MADE)[:220]


def with_column(column: Tensor) -> Tensor:
    return torch.cat([ROWS, column[:, None]], 1)[DRAWN]


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 0.0), (0.0116, -1.73), (1e-3, 5.0)])
def test_row_number_that_parts_the_classes_is_told(factor: float, offset: float) -> None:
    """In whatever unit, where some of the rows are in another split."""
    (finding,) = row_number_decides(with_column(NUMBERS * factor + offset), KINDS[DRAWN])
    assert (finding.code, finding.level, finding.where) == ("S103", "error", "feature 6")
    assert "in its order the class changes 2 times in 220 rows" in finding.message


def test_row_number_of_a_table_sorted_by_amount_is_told() -> None:
    """Also downwards."""
    amounts = torch.rand(300, generator=MADE).sort(descending=True).values
    (finding,) = row_number_decides(with_column(NUMBERS), amounts[DRAWN])
    assert "in its order the targets rise or fall" in finding.message


def test_numbers_that_give_nothing_away_are_silent() -> None:
    """Of a mixed table, a measured column, all numbers without a gap, and a place on a line."""
    mixed = KINDS[torch.randperm(300, generator=MADE)]
    assert list(row_number_decides(with_column(NUMBERS), mixed[DRAWN])) == []
    measured = NUMBERS + 0.4 * torch.rand(300, generator=MADE)
    assert list(row_number_decides(with_column(measured), KINDS[DRAWN])) == []
    assert list(row_number_decides(torch.cat([ROWS, NUMBERS[:, None]], 1), KINDS)) == []
    place = NUMBERS / 300
    curve = torch.stack([place, place**2, (3 * place).sin()], 1)
    assert list(row_number_decides(curve[DRAWN], KINDS[DRAWN])) == []


def test_target_in_another_unit_is_told() -> None:
    """One column alone; the target itself may be what a made-up task asks for."""
    target = torch.randn(300, generator=MADE)
    told = torch.cat([ROWS[:, :3], (1.8 * target + 32)[:, None], ROWS[:, 3:]], 1)
    (finding,) = target_in_another_unit(told, target)
    assert (finding.code, finding.level, finding.where) == ("S103", "warning", "feature 3")
    assert "the target times 1.8 plus a constant" in finding.message
    assert list(target_in_another_unit(ROWS, ROWS[:, 2])) == []
    assert list(target_in_another_unit(ROWS, target)) == []
    line = torch.arange(304.0).unfold(0, 5, 1)
    assert list(target_in_another_unit(line[:, :4], line[:, 4])) == []


def pictures(count: int) -> tuple[Tensor, Tensor]:
    rows, columns = torch.meshgrid(torch.arange(9), torch.arange(9), indexing="ij")
    y, x = torch.randint(2, 7, (2, count, 1, 1), generator=MADE)
    spot = ((rows - y) ** 2 + (columns - x) ** 2 < 4).float()
    return spot + 0.2 * torch.randn(count, 9, 9, generator=MADE), spot


AMOUNT = ROWS @ torch.randn(6, generator=MADE) + 0.2 * torch.randn(300, generator=MADE)
WORDS = (
    torch.randint(0, 20, (300, 8), generator=MADE)
    + 20 * KINDS[DRAWN[torch.arange(300) % 220]][:, None]
)
TOPICS = WORDS[:, 0] // 20


@pytest.mark.parametrize("offset", [1, -3, 40])
def test_targets_of_another_row_are_told(offset: int) -> None:
    """Amounts, classes of texts and masks of pictures; by however many rows."""
    seen, spots = pictures(300)
    for inputs, targets in ((ROWS, AMOUNT), (WORDS, TOPICS), (seen, spots)):
        assert list(targets_moved(inputs, targets)) == []
        (finding,) = targets_moved(inputs, targets.roll(offset, 0))
        assert (finding.code, finding.level) == ("Y101", "error")
        assert f"with the targets moved by {abs(offset)} row" in finding.message


def test_targets_read_from_the_other_end_are_told() -> None:
    """Also where a part was cut off afterwards, so that the middle is not that of the part."""
    for part in (slice(0, 300), slice(0, 240)):
        (finding,) = targets_moved(ROWS[part], AMOUNT.flip(0)[part])
        assert "with the targets read from the other end" in finding.message


def test_what_follows_from_a_series_is_no_sign() -> None:
    """The next value of noise lies in the next window; and labels without sense fit nowhere."""
    series = torch.randn(420, generator=MADE)
    windows = series.unfold(0, 7, 1)
    assert list(targets_moved(windows[:, :6], windows[:, 6])) == []
    assert list(targets_moved(ROWS, torch.randn(300, generator=MADE))) == []
    assert not explained_by(ROWS, torch.randn(300, generator=MADE))
    assert explained_by(ROWS, AMOUNT)


def test_classes_along_a_border_that_were_nowhere_near_are_told() -> None:
    """Y108: between 0 and 3 there are no 1 and 2; where they lie side by side they may stay."""
    mask = torch.zeros(1, 1, 40, 40)
    mask[..., 4:16, 4:16], mask[..., 24:36, 4:16], mask[..., 10:30, 22:36] = 1, 2, 3
    smooth = torch.nn.functional.interpolate(mask, size=(24, 24), mode="bilinear").long()
    nearest = torch.nn.functional.interpolate(mask, size=(24, 24), mode="nearest").long()
    (finding,) = classes_out_of_place(mask[0, 0], smooth[0, 0])
    assert (finding.code, finding.level) == ("Y108", "error")
    assert "that the mask had nowhere near" in finding.message
    assert list(classes_out_of_place(mask[0, 0], nearest[0, 0])) == []
