"""Batches hold every example once, in an order that (seed, epoch) fixes, whoever reads them."""

from __future__ import annotations

import random
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from lamplighter.data.batches import (
    LoaderBatches,
    PictureBatches,
    cut,
    default_unpack,
    move,
    size_of,
)
from lamplighter.data.loader import make_loader
from lamplighter.data.seeded import stream
from lamplighter.errors import DataError
from lamplighter.images.augment import policy
from lamplighter.images.pixels import HeldPixels
from lamplighter.images.preprocess import Preprocess

CPU = torch.device("cpu")


def pictures(count: int = 11, batch: int = 4, shuffle: bool = True, seed: int = 0, **more: Any):
    pixels = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(count, 1, 8, 8)
    return PictureBatches(
        HeldPixels(pixels.contiguous(), torch.ones(count)),
        torch.arange(count),
        Preprocess(8, channels=1, mean=(0.0,), std=(1.0,)),
        batch=batch,
        device=CPU,
        shuffle=shuffle,
        seed=seed,
        **more,
    )


def order(batches: Any, epoch: int, skip: int = 0) -> list[int]:
    return [int(t) for batch in batches.epoch(epoch, skip) for t in batch.targets]


def test_every_example_once() -> None:
    """An epoch holds each example once, with its own picture and target."""
    batches = pictures()
    assert sorted(order(batches, 1)) == list(range(11))
    for batch in batches.epoch(1):
        values = (batch.inputs[:, 0, 0, 0] * 255).round().long()
        assert torch.equal(values, batch.targets)
        assert torch.equal(batch.positions, batch.targets)
        assert batch.size == len(batch.targets)
    assert order(pictures(shuffle=False), 5) == list(range(11))


def test_order_by_seed_and_epoch() -> None:
    """Seed and epoch fix the order, and nothing else does."""
    first = order(pictures(), 1)
    torch.manual_seed(1)
    assert order(pictures(), 1) == first
    assert order(pictures(), 2) != first
    assert order(pictures(seed=1), 1) != first
    assert order(pictures(batch=3), 1) == first


def test_streams_do_not_meet() -> None:
    """No two of many (seed, epoch, purpose) feed the same numbers."""
    drawn = {
        tuple(torch.rand(2, generator=stream(seed, epoch, purpose)).tolist())
        for seed in (0, 1, 2, 2**62, 2**63 - 1)
        for epoch in range(1, 60)
        for purpose in (1, 2)
    }
    assert len(drawn) == 5 * 59 * 2


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_skip_resumes_exactly(skip: int) -> None:
    """The batches after a resume are the ones that were still to come, variation included."""
    batches = pictures(augment=policy("light", 8))
    whole, rest = list(batches.epoch(3)), list(batches.epoch(3, skip))
    assert len(rest) == len(whole) - skip
    for left, right in zip(whole[skip:], rest, strict=True):
        assert torch.equal(left.inputs, right.inputs)
        assert torch.equal(left.targets, right.targets)


def test_lone_last_example() -> None:
    """A last batch of one is left out of training, another one each epoch, and never of validation."""
    batches = pictures(count=9, batch=4)
    missing = {next(iter(set(range(9)) - set(order(batches, epoch)))) for epoch in range(1, 20)}
    assert batches.steps() == 2
    assert len(missing) > 3
    assert len(order(pictures(count=9, batch=4, shuffle=False), 1)) == 9
    assert len(order(pictures(count=1, batch=4), 1)) == 1


def test_batches_of_one() -> None:
    """Where every batch is of one, no example is left out."""
    assert sorted(order(pictures(count=5, batch=1), 1)) == [0, 1, 2, 3, 4]


class Drawing(Dataset):
    """Draws from all three sources of random numbers, as augmenting data sets do."""

    def __len__(self) -> int:
        return 9

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index == 100:
            raise ValueError("bad")
        return torch.tensor([torch.rand(()).item(), np.random.rand(), random.random()]), index


def loader_batches(workers: int = 0, seed: int = 0, data: Any = None) -> LoaderBatches:
    loader, set_epoch = make_loader(
        data or Drawing(), batch=4, shuffle=True, seed=seed, workers=workers
    )
    return LoaderBatches(loader, CPU, None, set_epoch)


def drawn(batches: Any, epoch: int, skip: int = 0) -> tuple[list[int], torch.Tensor]:
    found = list(batches.epoch(epoch, skip))
    return [int(t) for b in found for t in b.targets], torch.cat([b.inputs for b in found])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_change_nothing() -> None:
    """What a data set draws is the same with 0 and with 2 workers, and new in each epoch."""
    alone, helped = loader_batches(0), loader_batches(2)
    for epoch in (1, 2):
        order_, numbers = drawn(alone, epoch)
        order2, numbers2 = drawn(helped, epoch)
        assert order_ == order2
        assert torch.equal(numbers, numbers2)
    assert not torch.equal(drawn(alone, 1)[1].sort(0)[0], drawn(alone, 2)[1].sort(0)[0])
    assert drawn(loader_batches(seed=1), 1)[0] != drawn(alone, 1)[0]


def test_loader_skip_is_exact_and_leaves_random_numbers() -> None:
    """Resuming within an epoch gives the batches that were to come and draws nothing for the others."""
    order_, numbers = drawn(loader_batches(), 2)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    source = loader_batches().epoch(2, 1)
    first = next(source)
    assert torch.equal(torch.get_rng_state(), before)
    assert [int(t) for t in first.targets] == order_[4:8]
    assert torch.equal(first.inputs, numbers[4:8])


def test_reading_disturbs_nothing() -> None:
    """The training's own random numbers go on as if no example had been read."""
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    loader, _ = make_loader(Drawing(), batch=4, shuffle=True, seed=0, workers=0)
    examples = loader.dataset
    states = random.getstate(), np.random.get_state()[2], torch.get_rng_state()
    examples[(1, 3)]
    assert random.getstate() == states[0]
    assert np.random.get_state()[2] == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])


def test_bad_example_is_named() -> None:
    """An example that raises says which one it was, and the random numbers are put back."""
    loader, _ = make_loader(Drawing(), batch=4, shuffle=True, seed=0, workers=0)
    before = torch.get_rng_state()
    failed = loader.dataset.__getitems__([(1, 3), (1, 100)])
    assert failed.what == "example 100 of Drawing"
    assert "bad" in str(failed.raised())
    assert torch.equal(torch.get_rng_state(), before)


class Given(Dataset):
    """Examples as they were made."""

    def __init__(self, examples: list[Any]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Any:
        return self.examples[index], 0


@pytest.mark.parametrize(
    ("examples", "told", "fix"),
    [
        ([Image.new("RGB", (8, 8))] * 2, "it holds Pillow pictures", "v2.ToImage()"),
        ([torch.zeros(3, 8, 8), torch.zeros(3, 9, 8)], "equal size", "v2.Resize("),
    ],
)
def test_a_forgotten_transform_is_told(examples: list[Any], told: str, fix: str) -> None:
    """The two that a first data set forgets: pictures as they are, and of several sizes."""
    loader, set_epoch = make_loader(Given(examples), batch=2, shuffle=False, seed=0, workers=0)
    with pytest.raises(DataError, match=told) as caught:
        list(LoaderBatches(loader, CPU, None, set_epoch).epoch(1))
    assert fix in caught.value.fix


def test_lone_example_of_own_data() -> None:
    """A data set of the user's own is cut by the same rule, in shuffled order only."""
    for shuffle, expected in ((True, 8), (False, 9)):
        loader, set_epoch = make_loader(Drawing(), batch=4, shuffle=shuffle, seed=0, workers=0)
        assert len(order(LoaderBatches(loader, CPU, None, set_epoch), 1)) == expected


class Counting(IterableDataset):
    def __iter__(self):
        yield from ((torch.tensor([float(i)]), i) for i in range(7))


def test_iterable_once_whatever_the_workers() -> None:
    """An iterable data set is read once, not once by each worker."""
    loader, _ = make_loader(Counting(), batch=3, shuffle=True, seed=0, workers=2)
    batches = LoaderBatches(loader, CPU)
    assert order(batches, 1) == list(range(7))
    assert batches.steps() is None
    assert batches.examples is None


def test_own_loader_is_taken_as_it_is() -> None:
    """A DataLoader or a list of batches is used unchanged, as often as there are epochs."""
    given = DataLoader(TensorDataset(torch.zeros(6, 2), torch.arange(6)), batch_size=4)
    loader, set_epoch = make_loader(given, batch=99, shuffle=True, seed=0, workers=3)
    assert loader is given
    assert set_epoch is None
    assert (
        order(LoaderBatches(given, CPU), 1) == order(LoaderBatches(given, CPU), 2) == list(range(6))
    )
    batches = LoaderBatches([(torch.zeros(2), torch.ones(2))] * 3, CPU)
    assert batches.steps() == 3
    assert not batches.resumable


def test_forms_of_a_batch() -> None:
    """Pairs, more inputs, and dicts are told apart, and the network is called as each means."""
    x, y, z = torch.zeros(2, 1), torch.ones(2), torch.full((2,), 2.0)
    assert default_unpack((x, y)) == (x, y)
    assert default_unpack([x, z, y]) == ((x, z), y)
    inputs, targets = default_unpack({"input_ids": x, "mask": z, "labels": y})
    assert set(inputs) == {"input_ids", "mask"}
    assert targets is y

    seen: list[Any] = []

    def net(*arguments: Any, **named: Any) -> None:
        seen.append((arguments, named))

    for raw in ((x, y), (x, z, y), {"a": x, "target": y}, ([x, z], y)):
        batch = next(LoaderBatches([raw], CPU).epoch(1))
        assert batch.size == 2
        batch.call(net)
    assert [(len(a), set(n)) for a, n in seen] == [(1, set()), (2, set()), (0, {"a"}), (1, set())]
    assert isinstance(seen[3][0][0], list)


def test_own_unpack() -> None:
    """What has no usual form is taken apart by the user's function, also without targets."""
    x = torch.zeros(5, 1)
    batch = next(LoaderBatches([x], CPU, lambda raw: (raw, None)).epoch(1))
    assert batch.targets is None
    assert batch.size == 5


@pytest.mark.parametrize(
    ("raw", "told"),
    [(torch.zeros(3), "Tensor of 3"), ({"x": 1}, "dict of 1"), ((1,), "tuple of 1"), (7, "int")],
)
def test_unknown_form(raw: Any, told: str) -> None:
    """A batch of no usual form is described, and `unpack=` is offered."""
    with pytest.raises(DataError, match=f"got {told}") as caught:
        default_unpack(raw)
    assert "unpack=" in caught.value.fix


Pair = namedtuple("Pair", "a b")


def test_move_keeps_structure() -> None:
    """Tensors are moved wherever they are; texts and numbers stay."""
    moved = move({"a": [torch.zeros(1), "x"], "b": Pair(torch.zeros(2), 3)}, CPU)
    assert isinstance(moved["b"], Pair)
    assert moved["a"][1] == "x"


def test_cut() -> None:
    """Parts of a batch hold the right examples of everything that is one per example."""
    x = torch.arange(6)
    weights = torch.ones(10)
    assert cut(x, 2, 4, 6).tolist() == [2, 3]
    assert cut(torch.tensor(3.0), 0, 2, 6).item() == 3.0
    assert cut(weights, 0, 2, 6) is weights
    assert cut(["a", "b", "c", "d", "e", "f"], 4, 6, 6) == ["e", "f"]
    left, right = cut([x, x * 2], 1, 3, 6)  # what collating pairs gives
    assert left.tolist() == [1, 2]
    assert right.tolist() == [2, 4]
    found = cut({"a": (x, None), "b": Pair(x, "t")}, 0, 2, 6)
    assert found["a"][0].tolist() == [0, 1]
    assert isinstance(found["b"], Pair)
    assert found["b"].b == "t"


def test_size_of() -> None:
    """The number of examples is found in tensors, dicts and lists."""
    assert size_of(torch.zeros(4, 2)) == 4
    assert size_of({"scale": torch.tensor(1.0), "x": torch.zeros(4)}) == 4
    assert size_of([{"boxes": torch.zeros(3, 4)}] * 5) == 5
    assert size_of((torch.zeros(4), torch.zeros(4))) == 4
    assert size_of({}) == 1


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 15, 16, 17])
@pytest.mark.parametrize("shuffle", [True, False])
def test_steps_are_counted_without_cutting(count: int, shuffle: bool) -> None:
    """`steps` says how many batches come, whatever is left over at the end."""
    pixels = HeldPixels(torch.zeros(count, 1, 4, 4, dtype=torch.uint8), torch.ones(count))
    batches = PictureBatches(
        pixels, torch.zeros(count), Preprocess(size=4, channels=1, mean=(0.0,), std=(1.0,)),
        batch=8, device=torch.device("cpu"), shuffle=shuffle,
    )  # fmt: skip
    assert batches.steps() == len(list(batches.epoch(1)))
