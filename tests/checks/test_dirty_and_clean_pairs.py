"""Criteria that compare splits, readings and values: each on data with the mistake and without."""

from __future__ import annotations

import torch
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from lamplighter.checks import data, labels, loading, pairs, scaled, splits, transforms
from lamplighter.checks.windows import windows_surrounded

MADE = torch.Generator().manual_seed(0)
ROWS = torch.randn(300, 64, generator=MADE)


def test_standardised_together_needs_the_held_out_rows() -> None:
    """S107: all rows together are standardised; scaled by train's own figures they are not."""
    raw = 3 * ROWS + 5
    leaky = (raw - raw.mean(0)) / raw.std(0)
    (finding,) = scaled.standardised_together(leaky[:200], [leaky[200:]])
    assert "laid together, 200 train and 100 held-out samples have mean 0" in finding.message
    whole = (raw - raw.mean()) / raw.std()
    assert [f.code for f in scaled.standardised_together(whole[:200], [whole[200:]])] == ["S107"]
    honest = (raw - raw[:200].mean(0)) / raw[:200].std(0)
    assert list(scaled.standardised_together(honest[:200], [honest[200:]])) == []
    assert list(scaled.standardised_together(raw[:200], [raw[200:]])) == []


def test_copies_made_before_the_split_are_near_duplicates() -> None:
    """S102: noisy copies on both sides are told, noisy copies within train alone are not."""
    copies = torch.cat([ROWS, ROWS + 0.02 * torch.randn(300, 64, generator=MADE)])
    order = torch.randperm(600, generator=MADE)
    mixed = copies[order]
    (finding,) = splits.near_duplicates(mixed[:450], mixed[450:])
    assert "have a near copy in train" in finding.message
    train = torch.cat([ROWS[:200], ROWS[:200] + 0.02 * torch.randn(200, 64, generator=MADE)])
    assert list(splits.near_duplicates(train, ROWS[200:])) == []


def test_a_picture_moved_without_its_mask_is_told() -> None:
    """Y109: mirrored or cut elsewhere than its mask is told; both alike, or other colours, not."""
    picture = torch.rand(1, 16, 16, generator=MADE)
    mask = (picture[0] > 0.5).long()
    noisy = picture + 0.01 * torch.randn(1, 16, 16, generator=MADE)
    alone = [(picture, mask), (noisy, mask), (noisy.flip(-1), mask)]
    (finding,) = pairs.moved_apart(alone)
    assert "comes left and right exchanged and its mask as it was" in finding.message
    upside = [(picture, mask), (picture.flip(-2), mask)]
    assert "top and bottom" in next(pairs.moved_apart(upside)).message
    together = [(picture, mask), (noisy.flip(-1), mask.flip(-1))]
    assert list(pairs.moved_apart(together)) == []
    assert list(pairs.moved_apart([(picture, mask), (1 - picture, mask)])) == []

    places = [(0, 0), (3, 1), (1, 4), (4, 2)]
    cuts = [(noisy[:, a : a + 12, b : b + 12], mask[a : a + 12, b : b + 12]) for a, b in places]
    assert list(pairs.moved_apart(cuts)) == []
    apart = [(cuts[i][0], cuts[(i + 1) % 4][1]) for i in range(4)]
    assert "moved by 3 rows and 1 columns" in next(pairs.moved_apart(apart)).message


def test_boxes_that_stay_under_a_mirrored_picture_are_told() -> None:
    """Y109: boxes lie somewhere in the picture; numbers that are no places may well stay."""
    picture = torch.rand(1, 16, 16, generator=MADE)
    corner = torch.rand(32, 2, generator=MADE) * 8
    boxes = torch.cat([corner, corner + 4], 1)
    readings = [(picture, boxes[0]), (picture.flip(-1), boxes[0])]
    (finding,) = pairs.points_stay(readings, boxes)
    assert (
        "comes left and right exchanged and the places in its target are the same"
        in finding.message
    )
    assert list(pairs.points_stay(readings, boxes[:, [2, 3, 0, 1]] - 9)) == []
    assert list(pairs.points_stay([readings[0], readings[0]], boxes)) == []
    points = torch.rand(32, 5, 2, generator=MADE)
    still = [(picture, points[0]), (picture.flip(-1), points[0])]
    assert [f.code for f in pairs.points_stay(still, points)] == ["Y109"]


def test_windows_on_both_sides_of_a_split_are_told() -> None:
    """S106: mixed windows of a series lie between windows of train, those of a cut by time do not."""
    series = torch.randn(400, generator=MADE).cumsum(0)
    pieces = series.unfold(0, 12, 1)
    mixed = pieces[torch.randperm(len(pieces), generator=MADE)]
    (finding,) = windows_surrounded(mixed[:300], mixed[300:])
    assert (
        "windows looked at begin within one window of train and end within another"
        in finding.message
    )
    several = torch.randn(400, 3, generator=MADE).unfold(0, 12, 1)[torch.randperm(389)]
    assert [f.code for f in windows_surrounded(several[:300], several[300:])] == ["S106"]
    assert list(windows_surrounded(pieces[:300], pieces[300:])) == []
    assert list(windows_surrounded(pieces[:300], pieces[200:300])) == []  # trained on afterwards
    assert list(windows_surrounded(ROWS[:200], ROWS[200:])) == []
    steps = torch.zeros(300, 64)
    assert list(windows_surrounded(steps[:200], steps[200:])) == []


def test_a_mask_gets_no_new_classes() -> None:
    """Y108: class 2 between 1 and 4 was invented; values from elsewhere are no question of it."""
    before = torch.tensor([0.0, 1.0, 4.0])
    (finding,) = labels.mask_values_new(before, torch.tensor([[[0, 1], [2, 4]]]))
    assert "had the values 0, 1, 4 before it was resized and has 2 besides now" in finding.message
    assert list(labels.mask_values_new(before, torch.tensor([[[0, 1], [1, 4]]]))) == []
    assert list(labels.mask_values_new(before, torch.tensor([[[0, 1], [2, 9]]]))) == []


def test_rows_without_any_padding_were_cut() -> None:
    """D113: no row of 80 has the padding that the embedding knows; one padded row is enough."""
    tokens = torch.randint(1, 9, (80, 12), generator=MADE)
    (finding,) = data.never_padded(tokens, 0)
    assert "all 80 rows looked at fill all 12 places" in finding.message
    tokens[5, 9:] = 0
    assert list(data.never_padded(tokens, 0)) == []


def test_a_repeated_word_is_no_padding() -> None:
    """Rows that end in a run of a word that also stands within rows have no padding."""
    tokens = torch.randint(1, 99, (80, 12), generator=MADE)
    tokens[:30, 9:] = 0
    lengths = data.valid_lengths(tokens)
    assert lengths is not None
    assert lengths[:30].tolist() == [9] * 30
    tokens[:, 4] = 0
    assert data.valid_lengths(tokens) is None


def test_a_feature_that_is_the_number_to_predict_is_told() -> None:
    """S103 for real numbers: a last column equal to the target, in every row and to the last digit."""
    target = ROWS[:, :1] * 2 + 1
    (finding,) = splits.feature_is_target(torch.cat([ROWS, target], 1), target[:, 0])
    assert finding.where == "feature 64"
    assert "it equals the target in all 300 samples" in finding.message
    assert list(splits.feature_is_target(ROWS, target)) == []
    assert list(splits.feature_is_target(ROWS, ROWS[:, 0])) == []  # a task that was made up so


def test_targets_in_another_unit_are_told() -> None:
    """T102: standardised in training, raw at evaluation; a level that drifts is none of it."""
    train, raw = torch.randn(200, generator=MADE), 80 + 20 * torch.randn(80, generator=MADE)
    (finding,) = transforms.targets_scaled_differently(train, 60 * raw)
    assert finding.level == "error"
    assert "answers are compared with others of mean" in finding.message
    assert [f.level for f in transforms.targets_scaled_differently(train, raw / 2)] == ["warning"]
    assert list(transforms.targets_scaled_differently(train, 2 * train[:80] + 1)) == []
    assert list(transforms.targets_scaled_differently(raw, raw * 3)) == []


def test_weights_beside_the_wrong_samples_are_told() -> None:
    """D111: made in another order than the labels, or the counts instead of their inverse."""
    labels_ = [0] * 10 + [1] * 60 + [2] * 30
    counts = {k: labels_.count(k) for k in (0, 1, 2)}
    order = torch.randperm(100, generator=MADE).tolist()
    mixed = [labels_[i] for i in order]

    def told(weights: list[float], kinds: list[int]) -> list[str]:
        rows = TensorDataset(ROWS[:100], torch.tensor(kinds))
        loader = DataLoader(rows, 10, sampler=WeightedRandomSampler(weights, 100))
        return [f.message for f in loading.sampler_weights_unfit(loader, kinds)]

    inverse = [1 / counts[k] for k in labels_]
    assert "made in another order than the data set's" in told(inverse, mixed)[0]
    assert "drawn even less equally than they occur" in told([counts[k] for k in mixed], mixed)[0]
    assert told([inverse[i] for i in order], mixed) == []
    assert told(torch.rand(100, generator=MADE).tolist(), mixed) == []


def test_weights_from_the_labels_of_another_split_are_told() -> None:
    """D111: as unequal as the classes, nearly, and beside any of them; those of a source are not."""
    drawn = torch.multinomial(torch.tensor([0.1, 0.6, 0.3]), 600, True, generator=MADE).tolist()
    kinds, others = drawn[:300], drawn[300:]
    rows = TensorDataset(torch.randn(300, 4, generator=MADE), torch.tensor(kinds))

    def told(weights: list[float]) -> list[str]:
        loader = DataLoader(rows, 10, sampler=WeightedRandomSampler(weights, 300))
        return [f.message for f in loading.sampler_weights_unfit(loader, kinds)]

    assert (
        "they were made from other samples' labels"
        in told([1 / others.count(k) for k in others])[0]
    )
    assert told([1 / kinds.count(k) for k in kinds]) == []
    source = [int(k == 1) + int(i % 5 == 0) for i, k in enumerate(kinds)]  # goes with the class
    assert told([1 / source.count(s) for s in source]) == []


def test_components_of_all_rows_are_told() -> None:
    """S107: all rows together have uncorrelated columns, those of train have not."""
    raw = torch.randn(200, 5, generator=MADE) @ torch.randn(5, 5, generator=MADE)

    def components(of: torch.Tensor) -> torch.Tensor:
        centred = of - of.mean(0)
        return (raw - of.mean(0)) @ torch.linalg.svd(centred, full_matrices=False).Vh.T

    leaky, honest = components(raw), components(raw[:150])
    (finding,) = scaled.scaled_as_a_whole(leaky, leaky[:150], leaky[150:])
    assert finding.code == "S107"
    assert "all 200 rows together have uncorrelated columns exactly" in finding.message
    assert list(scaled.scaled_as_a_whole(honest, honest[:150], honest[150:])) == []
    assert list(scaled.scaled_as_a_whole(raw, raw[:150], raw[150:])) == []


def test_splits_scaled_each_by_its_own_numbers_are_told() -> None:
    """T102: by mean and deviation or by the ends; one scaling for both leaves other numbers."""
    train, held_out = torch.randn(200, 5, generator=MADE), torch.randn(60, 5, generator=MADE)

    def standard(rows: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        return (rows - by.mean(0)) / by.std(0)

    def squeezed(rows: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        return (rows - by.amin(0)) / (by.amax(0) - by.amin(0))

    for scale in (standard, squeezed):
        one = scale(train, train)
        (finding,) = scaled.each_scaled_by_itself(one, scale(held_out, held_out))
        assert (finding.code, finding.level) == ("T102", "warning")
        assert "each split was scaled by its own numbers" in finding.message
        assert list(scaled.each_scaled_by_itself(one, scale(held_out, train))) == []
    assert list(scaled.each_scaled_by_itself(train, held_out)) == []


def test_several_copies_of_each_sample_are_near_duplicates() -> None:
    """S102: three noisy copies of each, mixed before the split."""
    copies = torch.cat([ROWS + 0.02 * torch.randn(300, 64, generator=MADE) for _ in range(3)])
    mixed = copies[torch.randperm(900, generator=MADE)]
    assert [f.code for f in splits.near_duplicates(mixed[:700], mixed[700:])] == ["S102"]
    centres = ROWS[torch.arange(900) % 10] + 0.3 * torch.randn(900, 64, generator=MADE)
    assert list(splits.near_duplicates(centres[:700], centres[700:])) == []
