"""Sets that lie in memory are taken whole where that is sure to give what a DataLoader would give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, Subset, TensorDataset
from torchvision import datasets, transforms
from torchvision.transforms import v2

import lamplighter as lamp
from lamplighter.data.batches import LoaderBatches
from lamplighter.data.loader import WorkedLoader, make_loader
from lamplighter.data.memory import digest_of_pixels
from lamplighter.data.whole import WholeLoader

CPU = torch.device("cpu")
COUNT = 21
LAID = {  # class → shape of its pictures and the attribute of its labels, as torchvision has them
    datasets.CIFAR10: ((COUNT, 32, 32, 3), "targets", np.asarray, list),
    datasets.CIFAR100: ((COUNT, 32, 32, 3), "targets", np.asarray, list),
    datasets.MNIST: ((COUNT, 28, 28), "targets", torch.as_tensor, torch.as_tensor),
    datasets.FashionMNIST: ((COUNT, 28, 28), "targets", torch.as_tensor, torch.as_tensor),
    datasets.KMNIST: ((COUNT, 28, 28), "targets", torch.as_tensor, torch.as_tensor),
    datasets.EMNIST: ((COUNT, 28, 28), "targets", torch.as_tensor, torch.as_tensor),
    datasets.USPS: ((COUNT, 16, 16), "targets", np.asarray, list),
    datasets.SVHN: ((COUNT, 3, 32, 32), "labels", np.asarray, np.asarray),
}


def made(kind: type, transform: Any, **more: Any) -> Any:
    """A data set as torchvision leaves it after reading its files."""
    shape, attribute, pictures, labels = LAID[kind if kind in LAID else kind.__mro__[1]]
    rng = np.random.default_rng(0)
    found = kind.__new__(kind)
    found.data = pictures(rng.integers(0, 256, shape, dtype=np.uint8))
    setattr(found, attribute, labels(rng.integers(0, 10, COUNT).tolist()))
    found.transform, found.target_transform = transform, more.pop("target_transform", None)
    vars(found).update(more)
    return found


def own(kind: type) -> type:
    """A class of the user's own that changes nothing: it is read example by example."""
    return type("Own", (kind,), {})


def loader(data: Any, batch: int = 4, shuffle: bool = True, **more: Any) -> Any:
    return make_loader(data, batch=batch, shuffle=shuffle, seed=3, workers=0, **more)


def read(data: Any, epoch: int = 1, skip: int = 0, **more: Any) -> list[Any]:
    found, begin = loader(data, **more)
    return list(LoaderBatches(found, CPU, None, begin).epoch(epoch, skip))


def assert_same(left: list[Any], right: list[Any]) -> None:
    assert len(left) == len(right) > 0
    for ours, theirs in zip(left, right, strict=True):
        for one, other in (
            (ours.inputs, theirs.inputs),
            (ours.targets, theirs.targets),
        ):
            assert type(one) is type(other)
            assert torch.equal(one, other)
            assert (one.dtype, one.stride()) == (other.dtype, other.stride())
        assert ours.size == theirs.size


FIGURES = ((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))
DETERMINED: dict[str, Callable[[], Any]] = {
    "ToTensor": lambda: transforms.ToTensor(),
    "the usual": lambda: transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(*FIGURES, inplace=True)]
    ),
    "bytes, then floats": lambda: transforms.Compose(
        [
            transforms.PILToTensor(),
            transforms.ConvertImageDtype(torch.float32),
            transforms.Normalize(*FIGURES),
        ]
    ),
    "v2": lambda: v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(*FIGURES)]
    ),
    "within each other": lambda: v2.Compose(
        [transforms.Compose([v2.ToImage()]), v2.ToDtype(torch.float32, scale=False)]
    ),
    "bytes": lambda: v2.PILToTensor(),
    "certain chances": lambda: transforms.Compose(
        [
            transforms.RandomHorizontalFlip(1.0),
            transforms.RandomCrop(32),
            transforms.ToTensor(),
            v2.RandomHorizontalFlip(0.0),
        ]
    ),
}


@pytest.mark.parametrize("name", DETERMINED)
def test_transforms_give_the_same_bits(name: str) -> None:
    """Batches equal those of a DataLoader to the last bit, layout in memory included."""
    transform = DETERMINED[name]()
    assert isinstance(loader(made(datasets.CIFAR10, transform))[0], WholeLoader)
    for epoch in (1, 2):
        ours = read(made(datasets.CIFAR10, transform), epoch)
        assert_same(ours, read(made(own(datasets.CIFAR10), transform), epoch))


@pytest.mark.parametrize("kind", LAID, ids=lambda kind: kind.__name__)
def test_sets_of_torchvision(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each known set gives what reading it gives, and is not read."""
    theirs = read(made(own(kind), transforms.ToTensor()))

    def refuse(*_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(kind, "__getitem__", refuse)
    data = made(kind, transforms.ToTensor())
    before = torch.as_tensor(data.data).clone()
    assert_same(read(data), theirs)
    assert torch.equal(torch.as_tensor(data.data), before)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_tensors(count: int) -> None:
    """A TensorDataset of one, two or three tensors gives what a DataLoader gives, also resumed."""
    tensors = [torch.randn(COUNT, 3), torch.arange(COUNT), torch.randn(COUNT)][:count]
    if count == 1:
        ours, theirs = (
            list(loader(kind(*tensors))[0]) for kind in (TensorDataset, own(TensorDataset))
        )
        assert all(torch.equal(a[0], b[0]) for a, b in zip(ours, theirs, strict=True))
        return
    for shuffle in (True, False):
        for skip in (0, 2):
            ours = read(TensorDataset(*tensors), 2, skip, shuffle=shuffle)
            theirs = read(own(TensorDataset)(*tensors), 2, skip, shuffle=shuffle)
            assert len(ours) == len(theirs) == (5 if shuffle else 6) - skip  # no lone last one
            for left, right in zip(ours, theirs, strict=True):
                assert torch.equal(left.targets, right.targets)
                first, other = (
                    b.inputs if isinstance(b.inputs, tuple) else (b.inputs,) for b in (left, right)
                )
                assert all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_what_a_network_does_to_a_batch_stays_there() -> None:
    """A batch is a copy: the user's tensors are never written."""
    inputs = torch.ones(COUNT, 2)
    for batch in read(TensorDataset(inputs, torch.arange(COUNT))):
        batch.inputs.zero_()
    assert bool((inputs == 1).all())


@pytest.mark.parametrize("indices", [[3, 1, 1, 8, -1], range(2, 9), torch.tensor([7, 0, 5])])
def test_subsets(indices: Any) -> None:
    """Subsets, of subsets as well, take their rows, whatever their indices are held in."""
    tensors = torch.randn(COUNT, 2), torch.arange(COUNT)
    inner = range(COUNT - 1, 8, -1)
    for data, theirs in (
        (TensorDataset(*tensors), own(TensorDataset)(*tensors)),
        (Subset(TensorDataset(*tensors), inner), Subset(own(TensorDataset)(*tensors), inner)),
    ):
        assert isinstance(loader(Subset(data, indices))[0], WholeLoader)
        assert_same(
            read(Subset(data, indices), shuffle=False), read(Subset(theirs, indices), shuffle=False)
        )


def _lists(data: Any) -> Any:
    data.data = data.data.astype(np.float32)
    return data


class Net(torch.Tensor):
    pass


NOT_TAKEN: dict[str, Callable[[], Any]] = {
    "a set of the user's own": lambda: made(own(datasets.CIFAR10), transforms.ToTensor()),
    "a function": lambda: made(datasets.CIFAR10, lambda picture: torch.zeros(3)),
    "a subclass": lambda: made(
        datasets.CIFAR10, type("ToTensor", (transforms.ToTensor,), {"__call__": lambda *_: None})()
    ),
    "a part that is not known": lambda: made(
        datasets.CIFAR10, transforms.Compose([transforms.ToTensor(), transforms.ColorJitter(0.5)])
    ),
    "a resize": lambda: made(
        datasets.CIFAR10, transforms.Compose([transforms.Resize(32), transforms.ToTensor()])
    ),
    "a crop of another size": lambda: made(
        datasets.CIFAR10, transforms.Compose([transforms.RandomCrop(28), transforms.ToTensor()])
    ),
    "a border of another colour": lambda: made(
        datasets.CIFAR10,
        transforms.Compose([transforms.RandomCrop(32, 4, fill=9), transforms.ToTensor()]),
    ),
    "borders that differ": lambda: made(
        datasets.CIFAR10,
        transforms.Compose([transforms.RandomCrop(32, (4, 2)), transforms.ToTensor()]),
    ),
    "a border of its edge": lambda: made(
        datasets.CIFAR10,
        v2.Compose([v2.RandomCrop(32, 4, padding_mode="edge"), v2.ToImage()]),
    ),
    "an order that fails": lambda: made(
        datasets.CIFAR10,
        transforms.Compose([transforms.Normalize(*FIGURES), transforms.ToTensor()]),
    ),
    "pictures": lambda: made(datasets.CIFAR10, None),
    "pictures, flipped": lambda: made(datasets.CIFAR10, transforms.RandomHorizontalFlip()),
    "targets of one's own": lambda: made(
        datasets.CIFAR10, transforms.ToTensor(), target_transform=lambda label: label + 1
    ),
    "data of one's own": lambda: _lists(made(datasets.CIFAR10, transforms.ToTensor())),
    "labels of one's own": lambda: made(
        datasets.CIFAR10, transforms.ToTensor(), targets=[0.5] * COUNT
    ),
    "too few labels": lambda: made(datasets.CIFAR10, transforms.ToTensor(), targets=[1, 2]),
    "joined sets": lambda: ConcatDataset([TensorDataset(torch.zeros(4, 2), torch.zeros(4))]),
    "sparse tensors": lambda: TensorDataset(torch.eye(4).to_sparse(), torch.arange(4)),
    "other tensors": lambda: TensorDataset(torch.zeros(4, 2).as_subclass(Net), torch.arange(4)),
    "a row that is not there": lambda: Subset(
        TensorDataset(torch.zeros(4, 2), torch.arange(4)), [1, 4]
    ),
    "choices": lambda: Subset(TensorDataset(torch.zeros(4, 2), torch.arange(4)), [True, False]),
}


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_what_is_not_known_is_read(name: str) -> None:
    """Nothing is guessed: whatever is not known for sure goes through a DataLoader."""
    assert isinstance(loader(NOT_TAKEN[name]())[0], WorkedLoader)


def test_an_own_collate_is_called() -> None:
    """Whoever makes batches of examples gets examples."""
    data = TensorDataset(torch.randn(COUNT, 3), torch.arange(COUNT))
    seen: list[int] = []

    def collate(examples: list[Any]) -> Any:
        seen.append(len(examples))
        return torch.stack([one for one, _ in examples]), torch.stack([t for _, t in examples])

    read(data, collate=collate)
    assert seen == [4, 4, 4, 4, 4]


CHANCES: dict[str, Callable[[], Any]] = {
    "first interface": lambda: transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(0.3),
            transforms.ToTensor(),
        ]
    ),
    "second interface, mirrored": lambda: v2.Compose(
        [
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.RandomCrop((32, 32), padding=[4], padding_mode="reflect"),
            v2.RandomHorizontalFlip(0.3),
        ]
    ),
}


@pytest.mark.parametrize("name", CHANCES)
def test_chances_are_torchvisions(name: str) -> None:
    """Each varied picture is one that torchvision makes, and all of them come equally often."""
    mirrored = "mirrored" in name
    data = made(datasets.CIFAR10, CHANCES[name]())
    data.data = np.repeat(data.data[:1], 2430, axis=0)
    data.targets = [0] * len(data.data)
    plain = transforms.functional.to_tensor(data.data[0])
    if mirrored:  # the second interface multiplies by 1 / 255 where the first divides
        plain = v2.functional.to_dtype(v2.functional.to_image(data.data[0]), scale=True)
    pad = v2.functional.pad(plain, [4], padding_mode="reflect" if mirrored else "constant")
    made_by_hand = {}
    for top in range(9):
        for left in range(9):
            window = v2.functional.crop(pad, top, left, 32, 32)
            for flipped in (False, True):
                one = v2.functional.horizontal_flip(window) if flipped else window
                made_by_hand[digest_of_pixels(one.numpy())] = (top, left, flipped)
    found = [
        made_by_hand[digest_of_pixels(picture.numpy())]
        for epoch in (1, 2)
        for batch in read(data, epoch, batch=128)
        for picture in batch.inputs.contiguous()
    ]
    tops, lefts, flips = (np.asarray(part) for part in zip(*found, strict=True))
    expected = len(found) / 9
    for offsets in (tops, lefts):
        chi = ((np.bincount(offsets, minlength=9) - expected) ** 2 / expected).sum()
        assert chi < 26.1  # 8 degrees of freedom, one in a thousand
    assert abs(flips.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / len(found))
    assert abs(np.corrcoef(tops, lefts)[0, 1]) < 0.06
    assert abs(np.corrcoef(tops, flips)[0, 1]) < 0.06


def test_chances_by_seed_epoch_and_example() -> None:
    """An example is varied alike whatever the batch and after a resume, and otherwise in each epoch."""
    data = made(datasets.CIFAR10, CHANCES["first interface"]())
    data.targets = list(range(COUNT))

    def by_example(*place: int, **more: Any) -> dict[int, torch.Tensor]:
        batches = read(data, *place, **more)
        return {int(t): x for b in batches for x, t in zip(b.inputs, b.targets, strict=True)}

    whole, small, other = by_example(1), by_example(1, batch=3), by_example(2)
    resumed = by_example(1, 3)
    assert len(resumed) == len(whole) - 12
    for one in range(COUNT):
        for again in (small, resumed):
            if one in whole and one in again:
                assert torch.equal(whole[one], again[one])
    assert any(not torch.equal(whole[one], other[one]) for one in whole if one in other)


def weights_after(data: Any, folder: Path, name: str) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(3 * 32 * 32, 10))
    lamp.fit(
        net, data, data, loss=nn.CrossEntropyLoss(), epochs=2, batch=4, checks="off", device="cpu",
        tensorboard=False, out=str(folder), name=name,
    )  # fmt: skip
    return net.state_dict()


def test_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    """Taken whole or read example by example: the weights are the same, to the last bit."""
    transform = DETERMINED["the usual"]()
    ours = weights_after(made(datasets.CIFAR10, transform), tmp_path, "whole")
    theirs = weights_after(made(own(datasets.CIFAR10), transform), tmp_path, "read")
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
