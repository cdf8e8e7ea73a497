"""What `lamp.fit` refuses before anything is trained, and what it goes on from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.test_own_forms import Several
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import lamplighter
from lamplighter.errors import DataError, ModelError, UsageError
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


class Texts(TensorDataset):
    """(input, class number, path), as many data sets of one's own give it."""

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return (*super().__getitem__(index), f"{index}.png")


def test_texts_in_the_place_of_targets_are_told(tmp_path: Path) -> None:
    """The last item is the target; a path there raised an IndexError of ours."""
    with pytest.raises(DataError, match=r"the targets are texts, such as '\d+\.png'") as caught:
        _fit(tmp_path, Texts(*_set(40).tensors))
    assert "unpack=lambda batch: (batch[0], batch[1])" in caught.value.fix
    unpacked = _fit(tmp_path, Texts(*_set(40).tensors), unpack=lambda batch: (batch[0], batch[1]))
    assert unpacked.epochs == 1


def test_a_task_of_ones_own_needs_a_loss(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no usual loss"):
        _fit(tmp_path, _set(40), task="own")


def test_outputs_that_the_usual_loss_cannot_take_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gives a tuple of 2; expected a tensor") as caught:
        lamplighter.fit(
            Several(), _set(40), epochs=1, checks="off", tensorboard=False, out=str(tmp_path)
        )
    assert "loss=" in caught.value.fix


def test_an_optimizer_that_wants_a_closure_is_refused(tmp_path: Path) -> None:
    net = nn.Linear(4, 2)
    with pytest.raises(UsageError, match="LBFGS computes the loss several times") as caught:
        lamplighter.fit(
            net, _set(40), optimizer=torch.optim.LBFGS(net.parameters()), out=str(tmp_path)
        )
    assert "lamp.watch" in caught.value.fix
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("steps", "fits"), [(9, False), (10, True)])
def test_a_schedule_that_ends_before_the_training_is_refused(
    steps: int, fits: bool, tmp_path: Path
) -> None:
    """torch would raise in the middle of the last epoch."""
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps)

    def trained() -> lamplighter.Run:
        return lamplighter.fit(
            net, _set(40), optimizer=optimizer, schedule=schedule, epochs=2, batch=8,
            checks="off", tensorboard=False, device="cpu", out=str(tmp_path),
        )  # fmt: skip

    if fits:
        assert trained().epochs == 2
        return
    with pytest.raises(UsageError, match="made for 9 steps; this training takes 10") as caught:
        trained()
    assert "total_steps=10" in caught.value.fix
