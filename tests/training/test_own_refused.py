"""What `lamp.fit` refuses before anything is trained, and what it goes on from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import lamplighter
from lamplighter.errors import DataError, ModelError
from lamplighter.listener import SILENT


def _set(count: int) -> TensorDataset:
    inputs = torch.randn(count, 4, generator=torch.Generator().manual_seed(0))
    return TensorDataset(inputs, (inputs[:, 0] > 0).long())


class Stream(IterableDataset[Any]):
    """Samples without a length."""

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        return iter(_set(40))


def _fit(out: Path, train: Any, val: Any = None, **given: Any) -> lamplighter.Run:
    settings: dict[str, Any] = {"epochs": 1, "checks": "off", "tensorboard": False, "device": "cpu"}
    return lamplighter.fit(
        nn.Linear(4, 2), train, val, out=str(out), listener=SILENT, **(settings | given)
    )


@pytest.mark.parametrize("loss", ["auto", nn.CrossEntropyLoss()])
@pytest.mark.parametrize(
    ("train", "val", "told"),
    [
        (_set(0), None, "the train set is empty; expected a sample or more"),
        ([], None, "the train set is empty"),
        (_set(40), _set(0), "the val set is empty"),
        (
            DataLoader(_set(3), batch_size=8, drop_last=True),
            None,
            "the train loader gives no batch",
        ),
    ],
)
def test_nothing_to_learn_from_is_told_at_once(
    tmp_path: Path, train: Any, val: Any, told: str, loss: Any
) -> None:
    """A set or loader without anything in it is named before a run's folder is made."""
    with pytest.raises(DataError, match=told) as caught:
        _fit(tmp_path, train, val, loss=loss)
    assert caught.value.where == ("train" if val is None else "val")
    assert caught.value.fix
    assert not list(tmp_path.iterdir())


def test_a_loader_without_a_length_is_not_asked_for_it(tmp_path: Path) -> None:
    """An iterable set in a loader trains, although nobody can say how many batches it has."""
    assert _fit(tmp_path, DataLoader(Stream(), batch_size=8)).epochs == 1


def test_a_run_does_not_go_on_with_another_kind_of_optimizer(tmp_path: Path) -> None:
    """SGD's settings are not laid over AdamW, which would fail in its first step."""
    net = nn.Linear(4, 2)
    run = lamplighter.fit(
        net, _set(40), _set(40), optimizer=torch.optim.SGD(net.parameters(), lr=0.1), epochs=1,
        checks="off", tensorboard=False, device="cpu", out=str(tmp_path), listener=SILENT,
    )  # fmt: skip
    with pytest.raises(ModelError, match=r"another optimizer's settings \(dampening") as caught:
        _fit(tmp_path, _set(40), _set(40), resume=run.path, epochs=2)
    assert "AdamW has amsgrad, betas" in caught.value.message
    assert "optimizer" in caught.value.fix
