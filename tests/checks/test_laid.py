"""D112 of a collate function, and Y110 of narrow tables, before training."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lamplighter.checks.labels import one_input_two_labels
from lamplighter.checks.laid import row_of_one_sample


def samples(same: bool = False) -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    return [(torch.randn(5), torch.ones(2) if same else torch.randn(2)) for _ in range(40)]


def first_alone(batch: list[Any]) -> dict[str, Tensor]:
    return {"values": torch.stack([v for v, _ in batch]), "context": batch[0][1].unsqueeze(0)}


def last_alone(batch: list[Any]) -> tuple[Tensor, Tensor]:
    return torch.stack([v for v, _ in batch]), batch[-1][1].unsqueeze(0)


def each(batch: list[Any]) -> tuple[Tensor, Tensor]:
    return torch.stack([v for v, _ in batch]), torch.stack([c for _, c in batch])


def largest(batch: list[Any]) -> tuple[Tensor, Tensor]:
    return torch.stack([v for v, _ in batch]), torch.stack([c for _, c in batch]).amax(0)[None]


@pytest.mark.parametrize(
    ("collate", "wrong"), [(first_alone, 1), (last_alone, 1), (each, 0), (largest, 0)]
)
def test_a_row_of_one_sample(collate: Any, wrong: int) -> None:
    assert len(list(row_of_one_sample(samples(), collate))) == wrong


def test_what_all_samples_share_may_be_one_row() -> None:
    assert not list(row_of_one_sample(samples(same=True), first_alone))


@pytest.mark.parametrize(("columns", "values", "wrong"), [(5, 1000, 1), (5, 3, 0), (2, 10, 0)])
def test_equal_rows_of_a_narrow_table(columns: int, values: int, wrong: int) -> None:
    torch.manual_seed(0)
    x = torch.randint(0, values, (200, columns)).float()
    x[150:160] = x[:10]
    labels = torch.arange(200) % 2
    labels[150:160] = 1 - labels[:10]
    assert len(list(one_input_two_labels(x, labels))) == wrong
