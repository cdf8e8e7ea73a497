"""Forms in which newcomers bring their batches, weights and outputs to `lamp.fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, Subset

import lamplighter
from lamplighter.data.batches import call_with_entries
from lamplighter.errors import DataError
from lamplighter.own_outcome import count_outputs
from lamplighter.tasks.task import TASKS
from lamplighter.training.parts import Progress

X = torch.randn(24, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


class Entries(Dataset[Any]):
    """Dicts under names that no `forward` has, with a path beside them."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": X[index], "label": Y[index], "path": f"{index}.png"}


def fit(net: nn.Module, train: Any, out: Path, **given: Any) -> lamplighter.Run:
    settings: dict[str, Any] = {"epochs": 1, "tensorboard": False, "device": "cpu"}
    return lamplighter.fit(net, train, train, out=str(out), **(settings | given))


def test_a_dict_reaches_a_network_that_names_its_input_otherwise(tmp_path: Path) -> None:
    """forward(self, x) is given the one tensor; it was called with image= and path=."""
    assert fit(nn.Linear(4, 2), Entries(), tmp_path, checks="off").epochs == 1


def test_labels_of_dicts_are_counted() -> None:
    """`lamp train mine:sets` asks every example for its label, in the form that batches have."""
    assert count_outputs(Entries()) == 2


def test_texts_for_labels_are_told() -> None:
    with pytest.raises(DataError, match="the targets are texts, such as 'a"):
        count_outputs(Subset([(X[0], 1, "a.png")], [0]))


class ByName(nn.Module):
    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Any:
        return ids if mask is None else ids * mask


class ByAnyName(nn.Module):
    def forward(self, **entries: Tensor) -> Any:
        return entries


@pytest.mark.parametrize(
    ("entries", "given"),
    [
        ({"ids": X}, X),
        ({"mask": X, "ids": X}, X * X),
        ({"ids": X, "path": ["a"]}, X),
        ({"pixels": X}, X),
    ],
)
def test_entries_go_where_they_are_named(entries: dict[str, Any], given: Tensor) -> None:
    """By name where the network has the name; else the only tensor is what it takes."""
    assert torch.equal(call_with_entries(ByName(), entries), given)


def test_names_that_fit_nothing_are_not_guessed() -> None:
    """Two tensors, and a network that takes neither name, or all names."""
    with pytest.raises(TypeError, match="unexpected keyword"):
        call_with_entries(ByName(), {"a": X, "b": X})
    assert call_with_entries(ByAnyName(), {"a": X}).keys() == {"a"}


class Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer(inputs), inputs


def test_where_answers_cannot_be_counted_the_lowest_loss_is_best() -> None:
    """The loss stood as the accuracy, of which more is better: the worst epoch was kept."""
    progress = Progress()
    kept = []
    for epoch, loss in enumerate((0.9, 0.5, 0.7), start=1):
        progress.epoch = epoch
        kept.append(progress.see(TASKS["classification"], {"loss": loss}))
    assert kept == [True, True, False]
    assert progress.best("accuracy") == {"epoch": 2, "val_accuracy": None, "val_loss": 0.5}


def test_a_loss_that_takes_several_outputs_has_no_accuracy(tmp_path: Path) -> None:
    run = fit(
        Several(), list(zip(X, Y, strict=True)), tmp_path, checks="off", task="classification",
        loss=lambda outputs, targets: nn.functional.cross_entropy(outputs[0], targets),
    )  # fmt: skip
    assert run.best["val_accuracy"] is None
    assert run.best["val_loss"] > 0


class Waves(nn.Module):
    """Complex weights, as Fourier layers have them."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(3, dtype=torch.cfloat))
        self.head = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(torch.fft.irfft(torch.fft.rfft(inputs) * self.weights, n=4))


def test_complex_weights_train(tmp_path: Path) -> None:
    """No fused optimizer takes them."""
    net = Waves()
    before = net.weights.detach().clone()
    fit(net, list(zip(X, Y, strict=True)), tmp_path, checks="off")
    assert not torch.equal(net.weights, before)


def test_lazy_layers_take_their_sizes_from_the_first_batch(tmp_path: Path) -> None:
    net = nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(2))
    fit(net, list(zip(X, Y, strict=True)), tmp_path, checks="off")
    assert net[0].weight.shape == (3, 4)
