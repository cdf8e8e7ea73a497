"""T108: boxes of centre and size in an overlap for corners, by a library or by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import box_convert, box_iou, generalized_box_iou_loss

from lamplighter.watch import watch


def _by_slices(a: Tensor, b: Tensor) -> Tensor:
    low, high = torch.max(a[:, :2], b[:, :2]), torch.min(a[:, 2:], b[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    areas = [(c[:, 2:] - c[:, :2]).clamp(min=0).prod(1) for c in (a, b)]
    return (1 - shared / (areas[0] + areas[1] - shared + 1e-6)).mean()


def _by_columns(a: Tensor, b: Tensor) -> Tensor:
    left, top = torch.maximum(a[:, 0], b[:, 0]), torch.maximum(a[:, 1], b[:, 1])
    right, bottom = torch.minimum(a[:, 2], b[:, 2]), torch.minimum(a[:, 3], b[:, 3])
    return 1 - ((right - left).clamp(min=0) * (bottom - top).clamp(min=0)).mean()


def _by_library(a: Tensor, b: Tensor) -> Tensor:
    box_iou(a, b)
    return generalized_box_iou_loss(a, b, reduction="mean")


def _codes(overlap: Any, boxes: Tensor) -> list[str]:
    model = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    with watch() as watching:
        for part in torch.arange(len(boxes)).split(16):
            optimizer.zero_grad()
            answer = model(boxes[part])
            (nn.functional.l1_loss(answer, boxes[part]) + overlap(answer, boxes[part])).backward()
            optimizer.step()
    assert watching.faults == []
    told = [f for f in watching.findings if f.code == "T108"]
    assert all("the second lies before the first" in f.message for f in told)
    return [f.code for f in told]


@pytest.mark.parametrize("overlap", [_by_slices, _by_columns, _by_library])
def test_boxes_that_are_no_corners_are_told(overlap: Any) -> None:
    """By the target's own numbers; converted to corners they are right."""
    made = torch.Generator().manual_seed(0)
    corner, size = (
        torch.rand(96, 2, generator=made) / 2,
        0.1 + torch.rand(96, 2, generator=made) / 3,
    )
    corners = torch.cat([corner, corner + size], 1)
    assert _codes(overlap, box_convert(corners, "xyxy", "cxcywh")) == ["T108"]
    assert _codes(overlap, box_convert(corners, "xyxy", "xywh")) == ["T108"]
    assert _codes(overlap, corners) == []


def test_largest_and_smallest_of_a_tensor_are_no_corners() -> None:
    """Whoever looks where centres and sizes lie computes no overlap."""

    def spans(a: Tensor, b: Tensor) -> Tensor:
        return (
            b[:, :2].max()
            - b[:, 2:].min()
            + (a[:, :2].max(0).values - a[:, 2:].min(0).values).sum()
        )

    made = torch.Generator().manual_seed(0)
    boxes = torch.rand(96, 4, generator=made) * torch.tensor([1.0, 1.0, 0.3, 0.3])
    assert _codes(spans, boxes) == []
