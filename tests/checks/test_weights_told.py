"""What is said of weights: of a softmax over the wrong dimension, of classes, of a moved mask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from lamplighter.checks import class_weights, loss, own_forms, pairs, weighing
from lamplighter.checks.finding import Finding

MADE = torch.Generator().manual_seed(0)


def _told(findings: Iterator[Finding]) -> tuple[str, str, str]:
    (one,) = findings
    return f"{one.code} {one.level}", one.message, one.fix


def test_weights_normalised_over_the_samples() -> None:
    """L105 names the samples and what the weighted sum is over."""
    assert _told(weighing.weights_over_batch(16, 5)) == (
        "L105 error",
        "the softmax is over dimension 0, the 16 samples, and the weighted sum over the 5 places: "
        "each sample's weights depend on the other samples of its batch",
        "take the softmax over the dimension that the weighted sum is over",
    )
    assert _told(own_forms.softmax_across_samples()) == (
        "L105 error",
        "the softmax is over dimension 0, the samples, and what comes out is held against a target "
        "for each row: a row's classes compete with other rows and not with each other",
        "take the softmax over dim=-1, the classes",
    )
    assert _told(
        loss.softmax_over_wrong_dimension(torch.rand(8, 3, generator=MADE).softmax(0))
    ) == (
        "L105 error",
        "probabilities sum to 1 over the batch (dimension 0, 8 samples) and not over the 3 classes: "
        "the softmax has the wrong `dim`",
        "use dim=1 (dim=-1 for `(N, C)`); with cross_entropy use no softmax at all",
    )


def test_weights_normalised_over_another_dimension() -> None:
    """L105 gives the sums that should be 1; weights that sum to 1 say nothing."""
    scores = torch.tensor([[[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]])
    code, message, fix = _told(
        weighing.weights_of_others(scores.softmax(-2), -2, (-1,), certain=True)
    )
    assert code == "L105 error"
    assert message == (
        "the softmax is over dimension -2 of weights (1, 3, 2), but the weighted sum is over "
        "dimension -1: the weights of one answer sum to 0.667 to 0.667 instead of 1"
    )
    assert fix == "use softmax(dim=-1)"
    assert list(weighing.weights_of_others(scores.softmax(-1), -1, (-1,), certain=True)) == []
    assert _told(weighing.softmax_over_one((16, 5, 1), -1)) == (
        "L105 error",
        "the softmax is over dimension -1 of (16, 5, 1), which has one value: every weight is "
        "exactly 1 and what made it learns nothing",
        "take the softmax over the dimension that the weighted sum is over",
    )


@pytest.mark.parametrize(
    ("weights", "counts", "level", "why"),
    [
        (
            [7.0, 1.0], [70, 10], "error",
            "class 0 weighs most (7) with 70 of 80 samples, and class 1 with 10 weighs 1; the "
            "weights are the frequencies themselves",
        ),
        (
            [1 / 20, 1 / 10, 1 / 70], [70, 20, 10], "error",
            "class 1 weighs most (0.1) with 20 of 100 samples, and class 2 with 10 weighs 0.0143; "
            "the weights are the inverse frequencies of other classes",
        ),
        (
            [3.0, 1.0], [70, 10], "warning",
            "class 0 weighs most (3) with 70 of 80 samples, and class 1 with 10 weighs 1",
        ),
    ],
)  # fmt: skip
def test_class_weights_the_wrong_way_round(
    weights: list[float], counts: list[int], level: str, why: str
) -> None:
    """L115 names the heaviest and the rarest class, and what the weights seem to be."""
    assert _told(class_weights.weights_rise_with_frequency(weights, counts)) == (
        f"L115 {level}",
        why,
        "put the weights in the order of the class numbers: weight[c] = total / (classes * count[c])",
    )
    right = [sum(counts) / count for count in counts]
    assert list(class_weights.weights_rise_with_frequency(right, counts)) == []


@pytest.mark.parametrize(
    ("weight", "positives", "negatives", "level", "ratio"),
    [
        (0.1, 10, 100, "error", "10"),
        (0.5, 10, 100, "warning", "10"),
        (5, 100, 10, "warning", "0.1"),
    ],
)
def test_positive_weight_the_wrong_way_round(
    weight: float, positives: int, negatives: int, level: str, ratio: str
) -> None:
    """L115 of `pos_weight`: whichever side is rare, it is that side that weighs less."""
    assert _told(class_weights.positive_weight_inverted(weight, positives, negatives)) == (
        f"L115 {level}",
        f"{positives} of 110 targets are 1 and pos_weight is {weight:.3g}, so the rarer side weighs "
        f"less; negatives / positives is {ratio}",
        "use pos_weight = negatives / positives",
    )
    right = negatives / positives
    assert list(class_weights.positive_weight_inverted(right, positives, negatives)) == []


def test_a_mask_that_stays_under_a_mirrored_picture() -> None:
    """Y109 says how each of the two came, and what keeps them together."""
    picture = torch.rand(3, 16, 16, generator=MADE)
    mask = (picture.mean(0) > 0.5).long()
    expected = (
        "Y109 warning",
        "read twice, the picture of one sample comes left and right exchanged and its mask as it "
        "was: chance was asked twice, or once for the picture alone",
        "draw once and apply the same to both: torchvision.transforms.v2 does so for "
        "tv_tensors.Mask, functional.crop with one get_params() too",
    )
    assert _told(pairs.moved_apart([(picture, mask), (picture.flip(-1), mask)])) == expected
    both = [(picture, mask), (picture.flip(-1), mask.flip(-1))]
    assert list(pairs.moved_apart(both)) == []
    boxes = torch.cat([corner := torch.rand(32, 2, generator=MADE) * 8, corner + 4], 1)
    still = [(picture, boxes[0]), (picture.flip(-1), boxes[0])]
    assert _told(pairs.points_stay(still, boxes)) == (
        "Y109 warning",
        "read twice, the picture of one sample comes left and right exchanged and the places in its "
        "target are the same both times",
        "mirror the places with the picture: torchvision.transforms.v2 does so for "
        "tv_tensors.BoundingBoxes",
    )
