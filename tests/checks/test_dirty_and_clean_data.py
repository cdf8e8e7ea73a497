"""Each mistake in data, labels, splits, transforms or loss is named, and its mended twin is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

from lamplighter.checks.check import check

Case = dict[str, Any]


def perceptron(*end: nn.Module, width: int = 20, classes: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, classes), *end)


def case(data: Any, model: nn.Module | None = None, **more: Any) -> Case:
    net = perceptron() if model is None else model
    return {"model": net, "data": data, "optimizer": torch.optim.Adam(net.parameters()), **more}


def rows(count: int = 96, width: int = 20, classes: int = 3) -> tuple[Tensor, Tensor]:
    labels = torch.randint(0, classes, (count,))
    return torch.randn(count, width) + F.one_hot(labels, width) * 2.0, labels


def vectors(count: int = 96, **shape: int) -> TensorDataset:
    return TensorDataset(*rows(count, **shape))


def pictures(count: int = 64, size: int = 16) -> Tensor:
    """Smooth pictures with three different channels, about zero with deviation one."""
    coarse = torch.randn(count, 3, 4, 4)
    return (
        F.interpolate(coarse, size=size, mode="bilinear") * 1.2
        + torch.tensor([0.4, 0.0, -0.4])[:, None, None]
    )


def vision(images: Tensor, val: Tensor | None = None) -> Case:
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )
    data = TensorDataset(images, torch.arange(len(images)) % 3)
    more = {} if val is None else {"val": TensorDataset(val, torch.arange(len(val)) % 3)}
    return case(data, net, **more)


def same_input(same: bool) -> Case:
    x, y = rows()
    return case(TensorDataset(x[:1].repeat(96, 1), y) if same else TensorDataset(x, y))


def holes(broken: bool) -> Case:
    x, y = rows()
    if broken:
        x[5, 3] = float("nan")
    return case(TensorDataset(x, y))


def in_order(shuffle: bool) -> Case:
    x, y = rows()
    order = y.sort().indices
    return case(DataLoader(TensorDataset(x[order], y[order]), 16, shuffle=shuffle))


class Noisy(Dataset):
    """Adds noise from a generator of its own, or from torch's."""

    def __init__(self, own: bool) -> None:
        self.x, self.y = rows()
        self.rng = np.random.default_rng(0)
        self.own = own

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        noise = torch.from_numpy(self.rng.normal(size=20)).float() if self.own else torch.randn(20)
        return self.x[index] + 0.1 * noise, self.y[index]


def workers(own: bool) -> Case:
    return case(DataLoader(Noisy(own), 16, shuffle=True, num_workers=2))


def no_batches(size: int) -> Case:
    return case(DataLoader(vectors(), size, shuffle=True, drop_last=True))


def weighted(per_sample: bool) -> Case:
    x, y = rows()
    weights = torch.tensor([1.0, 2.0, 1.0])
    sampler = WeightedRandomSampler(weights[y] if per_sample else weights, 96)
    return case(DataLoader(TensorDataset(x, y), 16, sampler=sampler))


def lengths(drop: int) -> Case:
    batches = [(torch.randn(32, 20), torch.randint(0, 3, (32 - drop,))) for _ in range(3)]
    return {
        "model": perceptron(),
        "data": batches,
        "loss": lambda out, y: F.cross_entropy(out[: len(y)], y),
    }


class Reader(nn.Module):
    def __init__(self, outputs: int = 3, *, each: bool = False) -> None:
        super().__init__()
        self.embed, self.out, self.each = nn.Embedding(40, 16), nn.Linear(16, outputs), each

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x)
        h = h.cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None] if self.each else h.mean(1)
        return self.out(h)


def padded(limit: int) -> Tensor:
    tokens = torch.randint(1, 40, (96, 16))
    for row in range(96):
        tokens[row, min(16, 4 + (row * 7) % limit) :] = 0
    return tokens


def cut_off(limit: int) -> Case:
    return case(TensorDataset(padded(limit), torch.arange(96) % 3), Reader())


def off_by_one(offset: int) -> Case:
    x, y = rows(300)
    return case(TensorDataset(x, y + offset), perceptron(classes=3 + offset))


def validation_classes(extra: bool) -> Case:
    x, y = rows()
    z, w = rows(48)
    return case(TensorDataset(x, y % 2 if extra else y), val=TensorDataset(z, w))


class Named(TensorDataset):
    def __init__(self, mapping: dict[str, int]) -> None:
        super().__init__(*rows())
        self.class_to_idx = mapping


def mappings(other: dict[str, int]) -> Case:
    return case(Named({"ant": 0, "bee": 1, "cat": 2}), val=Named(other))


def flat(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), target.flatten())


def shifted(inputs: slice, targets: slice, loss: Callable[..., Tensor] = flat) -> Case:
    tokens = torch.randint(0, 40, (64, 16))
    return case(
        TensorDataset(tokens[:, inputs], tokens[:, targets]), Reader(40, each=True), loss=loss
    )


def shifting_loss(logits: Tensor, target: Tensor) -> Tensor:
    return flat(logits[:, :-1], target[:, 1:])


def tagging(ignore: int) -> Case:
    tokens = padded(16)
    tags = torch.where(tokens == 0, 0, tokens % 4 + 1)
    loss = lambda out, y: F.cross_entropy(out.flatten(0, 1), y.flatten(), ignore_index=ignore)  # noqa: E731
    return case(TensorDataset(tokens, tags), Reader(5, each=True), loss=loss)


def resized_masks(mode: str) -> Case:
    masks = torch.randint(0, 3, (48, 1, 8, 8)).float()
    masks = F.interpolate(masks, size=16, mode=mode)[:, 0]
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 1))
    return case(
        TensorDataset(pictures(48), masks), net, loss=lambda out, y: F.cross_entropy(out, y.long())
    )


def contradictory(flip: bool) -> Case:
    x, y = rows()
    x[1], y[0], y[1] = x[0], 0, 1 if flip else 0
    return case(TensorDataset(x, y))


def signal(count: int, shuffled: bool) -> Case:
    x, y = rows(count)
    return case(TensorDataset(x, y[torch.randperm(count)] if shuffled else y))


def sizes(rare: int) -> Case:
    x, y = rows(300)
    y[:rare], y[rare:] = 0, 1 + torch.arange(300 - rare) % 2
    return case(TensorDataset(x, y))


def overlap(shared: int) -> Case:
    (x, y), (z, w) = rows(), rows(48)
    z[:shared], w[:shared] = x[:shared], y[:shared]
    return case(TensorDataset(x, y), val=TensorDataset(z, w))


def near(noise: float) -> Case:
    x, y = rows(width=80)
    z = torch.randn(48, 80) if noise > 1 else x[:48] + noise * torch.randn(48, 80)
    return case(TensorDataset(x, y), perceptron(width=80), val=TensorDataset(z, y[:48]))


def given_away(leak: bool) -> Case:
    x, y = rows()
    if leak:
        x[:, 7] = y.float() * 0.5
    return case(TensorDataset(x, y))


def subsets(first: int) -> Case:
    whole = vectors()
    return case(Subset(whole, range(64)), val=Subset(whole, range(first, 96)))


class Flipping(Dataset):
    def __init__(self, random: bool) -> None:
        self.images, self.random = pictures(48), random

    def __len__(self) -> int:
        return 48

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        noise = 0.01 * torch.randn(3, 16, 16) if self.random else 0.0
        return self.images[index] + noise, index % 3


def augmented(random: bool) -> Case:
    return vision(pictures()) | {"val": Flipping(random)}


def dropped(drop_last: bool) -> Case:
    return case(vectors(), val=DataLoader(vectors(50), 16, drop_last=drop_last))


def loss_of(*end: nn.Module, loss: Any, target: Callable[[Tensor], Tensor] = lambda y: y) -> Case:
    x, y = rows()
    return case(TensorDataset(x, target(y)), perceptron(*end), loss=loss)


def multi_hot(y: Tensor) -> Tensor:
    return ((y[:, None] + torch.arange(3)) % 3 > 0).float()


def regression(target: Callable[[Tensor], Tensor]) -> Case:
    x, _ = rows()
    y = target(x.sum(1) / 5 + 0.3)
    return case(
        TensorDataset(x, y), perceptron(classes=1), loss=lambda out, t: ((out - t) ** 2).mean()
    )


def single_output(outputs: int) -> Case:
    loss = nn.CrossEntropyLoss()
    x, y = rows(classes=2)
    return case(
        TensorDataset(x, y if outputs > 1 else y * 0), perceptron(classes=outputs), loss=loss
    )


# code → (the mistake, its mended twin)
CASES: dict[str, tuple[Callable[[], Case], Callable[[], Case]]] = {
    "D101": (lambda: same_input(True), lambda: same_input(False)),
    "D102": (lambda: holes(True), lambda: holes(False)),
    "D103": (lambda: vision((pictures() * 60 + 128).clamp(0, 255)), lambda: vision(pictures())),
    "D104": (lambda: vision(pictures().sigmoid() / 255), lambda: vision(pictures())),
    "D105": (
        lambda: vision(pictures().permute(0, 2, 3, 1).reshape(64, 3, 16, 16)),
        lambda: vision(pictures()),
    ),
    "D106": (lambda: in_order(False), lambda: in_order(True)),
    "D107": (lambda: workers(True), lambda: workers(False)),
    "D110": (lambda: no_batches(128), lambda: no_batches(16)),
    "D111": (lambda: weighted(False), lambda: weighted(True)),
    "D112": (lambda: lengths(2), lambda: lengths(0)),
    "D113": (lambda: cut_off(20), lambda: cut_off(12)),
    "Y101": (lambda: signal(600, True), lambda: signal(600, False)),
    "Y102": (lambda: off_by_one(1), lambda: off_by_one(0)),
    "Y103": (lambda: validation_classes(True), lambda: validation_classes(False)),
    "Y104": (
        lambda: mappings({"bee": 0, "ant": 1, "cat": 2}),
        lambda: mappings({"ant": 0, "bee": 1, "cat": 2}),
    ),
    "Y105": (lambda: shifted(slice(None), slice(None)), lambda: shifted(slice(-1), slice(1, None))),
    "Y106": (
        lambda: shifted(slice(-1), slice(1, None), shifting_loss),
        lambda: shifted(slice(None), slice(None), shifting_loss),
    ),
    "Y107": (lambda: tagging(-100), lambda: tagging(0)),
    "Y108": (lambda: resized_masks("bilinear"), lambda: resized_masks("nearest")),
    "Y110": (lambda: contradictory(True), lambda: contradictory(False)),
    "Y112": (lambda: sizes(3), lambda: sizes(60)),
    "S101": (lambda: overlap(20), lambda: overlap(0)),
    "S102": (lambda: near(0.01), lambda: near(2.0)),
    "S103": (lambda: given_away(True), lambda: given_away(False)),
    "S104": (lambda: subsets(50), lambda: subsets(64)),
    "T101": (lambda: augmented(True), lambda: augmented(False)),
    "T102": (
        lambda: vision(pictures(), pictures() * 3 + 3),
        lambda: vision(pictures(), pictures()),
    ),
    "T103": (
        lambda: vision(pictures(), pictures().flip(1)),
        lambda: vision(pictures(), pictures()),
    ),
    "E102": (lambda: dropped(True), lambda: dropped(False)),
    "L101": (
        lambda: loss_of(nn.Softmax(1), loss=nn.CrossEntropyLoss()),
        lambda: loss_of(loss=nn.CrossEntropyLoss()),
    ),
    "L102": (
        lambda: loss_of(nn.Sigmoid(), loss=nn.CrossEntropyLoss()),
        lambda: loss_of(loss=nn.CrossEntropyLoss()),
    ),
    "L103": (
        lambda: loss_of(nn.ReLU(), loss=nn.CrossEntropyLoss()),
        lambda: loss_of(loss=nn.CrossEntropyLoss()),
    ),
    "L104": (
        lambda: loss_of(loss=nn.NLLLoss()),
        lambda: loss_of(nn.LogSoftmax(1), loss=nn.NLLLoss()),
    ),
    "L105": (
        lambda: loss_of(nn.LogSoftmax(0), loss=nn.NLLLoss()),
        lambda: loss_of(nn.LogSoftmax(1), loss=nn.NLLLoss()),
    ),
    "L106": (
        lambda: loss_of(nn.Sigmoid(), loss=nn.BCEWithLogitsLoss(), target=multi_hot),
        lambda: loss_of(loss=nn.BCEWithLogitsLoss(), target=multi_hot),
    ),
    "L107": (lambda: regression(lambda y: y), lambda: regression(lambda y: y[:, None])),
    "L108": (
        lambda: loss_of(loss=lambda out, y: F.cross_entropy(out.detach(), y)),
        lambda: loss_of(loss=lambda out, y: F.cross_entropy(out, y)),
    ),
    "L109": (
        lambda: loss_of(loss=nn.CrossEntropyLoss(reduction="sum")),
        lambda: loss_of(loss=nn.CrossEntropyLoss()),
    ),
    "L110": (
        lambda: loss_of(nn.Softmax(1), loss=nn.KLDivLoss(reduction="batchmean"), target=multi_hot),
        lambda: loss_of(
            nn.LogSoftmax(1), loss=nn.KLDivLoss(reduction="batchmean"), target=multi_hot
        ),
    ),
    "L111": (
        lambda: loss_of(nn.Softmax(1), loss=nn.NLLLoss()),
        lambda: loss_of(nn.LogSoftmax(1), loss=nn.NLLLoss()),
    ),
    "L112": (lambda: single_output(1), lambda: single_output(2)),
    "L112 bce": (
        lambda: loss_of(loss=nn.BCEWithLogitsLoss(), target=lambda y: multi_hot(y) * 2 - 1),
        lambda: loss_of(loss=nn.BCEWithLogitsLoss(), target=multi_hot),
    ),
    "L113": (
        lambda: loss_of(loss=nn.BCEWithLogitsLoss()),
        lambda: loss_of(loss=nn.CrossEntropyLoss()),
    ),
}


@pytest.mark.filterwarnings("ignore:Length of split")
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", CASES)
def test_the_mistake_is_named(name: str, seed: int) -> None:
    """The mistake's own code is among the findings."""
    torch.manual_seed(seed)
    report = check(**CASES[name][0]())
    assert name.split()[0] in report.codes, (report.findings, report.skipped)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", CASES)
def test_the_mended_twin_is_silent(name: str, seed: int) -> None:
    """Once mended, no error and no warning is left, and nothing was skipped."""
    torch.manual_seed(seed)
    report = check(**CASES[name][1]())
    assert not [str(f) for f in report if f.level != "info"]
    assert not report.skipped
