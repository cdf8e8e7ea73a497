"""Family D, as far as loaders, samplers and workers go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    WeightedRandomSampler,
)

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.generators import generator_state, generators_in, put_generator_state


def sorted_and_not_shuffled(
    labels: Sequence[int], *, chance: float | None = None, where: str = "train loader"
) -> Iterator[Finding]:
    """D106: labels in the order of training change far less often than by chance.

    Args:
        labels: class numbers in the order in which the loader gives them; at least 64.
        chance: how often neighbours differ by chance, from the whole set; by default from `labels`.
        where: the loader.
    """
    count = len(labels)
    if count < 64:
        return
    if chance is None:
        shares = [labels.count(c) / count for c in set(labels)]
        chance = 1 - sum(share * share for share in shares)
    changes = sum(a != b for a, b in pairwise(labels)) / (count - 1)
    if chance > 0.1 and changes < 0.3 * chance:
        yield found(
            "D106",
            where,
            f"the class changes between {changes:.1%} of neighbouring samples, by chance it would "
            f"be {chance:.0%}: the data lie sorted by class and are read in that order",
            "give the training DataLoader shuffle=True",
        )


def stream_is_sorted(labels: Sequence[int], *, where: str = "train loader") -> Iterator[Finding]:
    """D106 of an iterable data set, whose order is its own; some learn one task after another.

    Args:
        labels: class numbers of its first samples, in their order.
        where: the loader.
    """
    if len(labels) >= 64 and len(set(labels)) == 1:
        seen = f"the first {len(labels)} samples that the stream gives are all of class {labels[0]}"
    elif any(True for _ in sorted_and_not_shuffled(labels)):
        changes = sum(a != b for a, b in pairwise(labels)) / (len(labels) - 1)
        seen = f"the class changes between {changes:.1%} of the samples that the stream gives"
    else:
        return
    yield found(
        "D106",
        where,
        f"{seen}: it reads one class after the other",
        "mix the samples in __iter__, through a buffer of some thousand or by reading several files "
        "in turn",
        level="warning",
    )


def first_class_only(labels: Sequence[int], *, where: str = "train loader") -> Iterator[Finding]:
    """D106: the beginning of a set of several classes, read in order, holds one class.

    Args:
        labels: class numbers in the order of training, all the same.
        where: the loader.
    """
    yield found(
        "D106",
        where,
        f"the first {len(labels)} samples are all of class {labels[0]} although the data set holds "
        "others: the data lie sorted by class and are read in that order",
        "give the training DataLoader shuffle=True",
    )


def order_is_fixed(loader: DataLoader[Any]) -> bool:
    """Whether the loader reads a map-style data set in one fixed order."""
    if isinstance(loader.dataset, IterableDataset):
        return False
    return type(drawn_by(loader)).__name__ == "SequentialSampler"


def drawn_by(loader: DataLoader[Any]) -> Any:
    """The sampler that says which samples come; None where a batch sampler of one's own decides.

    A loader that was given a `BatchSampler` has a sampler besides, which it never asks.
    """
    batches = loader.batch_sampler
    if loader.batch_size is not None or batches is None:
        return loader.sampler
    return batches.sampler if type(batches) is BatchSampler else None


def random_state_copied(loader: DataLoader[Any]) -> Iterator[Finding]:
    """D107: a generator lives in the data set and is copied alike into each worker.

    Args:
        loader: a loader with workers; its data set is drawn from twice at one index.
    """
    dataset: Any = loader.dataset
    if loader.num_workers < 2 or loader.worker_init_fn is not None:
        return
    if isinstance(dataset, IterableDataset):
        return
    generators = {
        name: g for name, g in generators_in(dataset) if not isinstance(g, torch.Generator)
    }
    generators |= {name: g for name, g in generators_in(dataset) if isinstance(g, torch.Generator)}
    moved = [name for name, g in generators.items() if _moves(g, dataset)]
    if moved:
        yield found(
            "D107",
            moved[0],
            f"its state is copied to {loader.num_workers} workers, so each draws the same random "
            "numbers: sample i of one worker gets the augmentation of sample i of the others",
            "draw from torch's or random's global generator, or seed it anew in worker_init_fn",
        )


def _moves(generator: Any, dataset: Any) -> bool:
    """Whether reading a sample draws from the generator; its state is put back."""
    before = generator_state(generator)
    try:
        dataset[0]
        return repr(generator_state(generator)) != repr(before) or not _same_state(
            before, generator_state(generator)
        )
    finally:
        put_generator_state(generator, before)


def _same_state(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return bool(torch.equal(one, other))
    if isinstance(one, dict):
        return all(_same_state(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other))
    return bool(one == other)


def whole_set_per_worker(counts: dict[Any, int], workers: int, *, where: str) -> Iterator[Finding]:
    """D108: in one epoch each sample of an iterable data set is seen once per worker.

    Args:
        counts: fingerprint of a sample → how often it came in one epoch.
        workers: number of worker processes.
        where: the loader.
    """
    if workers < 2 or len(counts) < 8:
        return
    repeated = sum(count == workers for count in counts.values())
    if repeated == len(counts):
        yield found(
            "D108",
            where,
            f"each of {len(counts)} samples came {workers} times in one epoch, once per worker",
            "share the samples out with torch.utils.data.get_worker_info() in __iter__",
        )


def same_batch_every_step(
    fingerprints: Sequence[Any], *, where: str = "train"
) -> Iterator[Finding]:
    """D109: five steps in a row used the same batch.

    Args:
        fingerprints: one hashable value per step, equal for equal batches.
        where: the loader or the loop.
    """
    if len(fingerprints) >= 5 and len(set(fingerprints)) == 1:
        yield found(
            "D109",
            where,
            f"the same batch was used in {len(fingerprints)} steps in a row",
            "iterate over the loader; next(iter(loader)) in a loop begins anew each time",
        )


def drawn_in_two_orders(inputs: str, targets: str) -> Iterator[Finding]:
    """Y101: inputs and targets are drawn by two loaders, each of which shuffles by itself.

    Args:
        inputs: what the loader of the inputs is called.
        targets: the same of the targets'.
    """
    yield found(
        "Y101",
        "labels",
        f"the inputs come from {inputs} and their targets from {targets}; both shuffle, each in an "
        "order of its own, so no input meets its target",
        "read both through one loader: DataLoader(TensorDataset(inputs, targets), shuffle=True)",
        level="error",
    )


def slice_that_stays(
    samples: int, steps: int, rows: int, *, where: str = "train"
) -> Iterator[Finding]:
    """D109: what is cut out of an array between two names is the same at every step.

    Args:
        samples: of the batch.
        steps: so many were taken on it.
        rows: of the array, most of which the network is never given.
        where: the array.
    """
    yield found(
        "D109",
        where,
        f"the same {samples} of its {rows} rows were used in {steps} steps in a row, and most of the "
        "others never: the slice does not move from step to step",
        "let its beginning grow by the size of a batch at each step",
    )


def loader_without_batches(loader: DataLoader[Any], *, where: str = "loader") -> Iterator[Finding]:
    """D110: the loader yields nothing."""
    try:
        count = len(loader)
    except TypeError:
        return
    if count == 0:
        dataset: Any = loader.dataset
        size = len(dataset) if hasattr(dataset, "__len__") else 0
        yield found(
            "D110",
            where,
            f"it yields no batch: {size} samples, batch_size={loader.batch_size}, "
            f"drop_last={loader.drop_last}",
            "use a smaller batch, drop_last=False, or look why the data set is empty",
        )


def sampler_weights_unfit(
    loader: DataLoader[Any], labels: Sequence[int] | None = None
) -> Iterator[Finding]:
    """D111: `WeightedRandomSampler` has another length than the data set, or leaves a class out.

    Args:
        loader: the training loader.
        labels: class number of each sample, where known.
    """
    sampler, dataset = drawn_by(loader), loader.dataset
    if not isinstance(sampler, WeightedRandomSampler) or not hasattr(dataset, "__len__"):
        return
    weights, size = sampler.weights, len(dataset)
    if len(weights) != size:
        yield found(
            "D111",
            "WeightedRandomSampler",
            f"{len(weights)} weights for {size} samples: only the first {len(weights)} samples "
            "can ever be drawn",
            "give one weight per sample: class_weights[labels]",
        )
    elif labels is not None and len(labels) == size:
        alive = {
            label for label, weight in zip(labels, weights.tolist(), strict=True) if weight > 0
        }
        dead = sorted(set(labels) - alive)
        if dead:
            yield found(
                "D111",
                "WeightedRandomSampler",
                f"all samples of class {', '.join(map(str, dead[:5]))} have weight 0 and are never drawn",
                "give every class a positive weight",
            )
        else:
            yield from _weights_of_classes_unfit(weights.tolist(), labels)


def _weights_of_classes_unfit(weights: list[float], labels: Sequence[int]) -> Iterator[Finding]:
    """D111: one weight for each class, given to the wrong samples or the wrong way round."""
    counts, values = Counter(labels), Counter(weights)
    if not 2 <= len(counts) <= len(labels) // 4 or len(values) != len(counts):
        return
    pairs = Counter(zip(labels, weights, strict=True))
    exactly = sorted(values.values()) == sorted(counts.values())
    if len(pairs) > len(counts) and (exactly or _of_other_samples(values, counts, pairs)):
        order = "in another order than the data set's" if exactly else "from other samples' labels"
        yield found(
            "D111",
            "WeightedRandomSampler",
            f"its {len(weights)} weights have {len(values)} values, as often as the {len(counts)} "
            f"classes occur{'' if exactly else ', nearly'}, and lie beside other samples than those "
            f"of the class: they were made {order}",
            "make the weights from the labels of the data set that the sampler draws from",
        )
    elif len(pairs) == len(counts):
        weighed = sorted((count, weight) for (label, weight) in pairs for count in [counts[label]])
        rising = all(a[1] < b[1] for a, b in pairwise(weighed))
        if rising and weighed[-1][0] >= 2 * weighed[0][0]:
            yield found(
                "D111",
                "WeightedRandomSampler",
                f"the commonest class, {weighed[-1][0]} samples, has the largest weight "
                f"({weighed[-1][1]:.3g}) and the rarest, {weighed[0][0]} samples, the smallest "
                f"({weighed[0][1]:.3g}): the classes are drawn even less equally than they occur",
                "give each sample the inverse of its class's count: 1 / counts[label]",
            )


def _of_other_samples(
    values: Counter[float], counts: Counter[int], pairs: Counter[tuple[int, float]]
) -> bool:
    """Whether weights are as unequal as the classes and have nothing to do with them.

    So are those that were made from the labels of another split. Weights of something else, as of
    the source of a sample, have other sizes, or go with the class.
    """
    total = sum(counts.values())
    sizes = list(zip(sorted(values.values()), sorted(counts.values()), strict=True))
    if sizes[-1][1] < 1.5 * sizes[0][1]:
        return False
    # two samples of one kind: each size is off by no more than chance makes it
    if any(abs(a - b) > 4 * (2 * b * (1 - b / total)) ** 0.5 for a, b in sizes):
        return False
    for label, count in counts.items():
        for value, often in values.items():
            share = often / total
            by_chance = count * share
            if abs(pairs[label, value] - by_chance) > 4 * (by_chance * (1 - share)) ** 0.5 + 1:
                return False
    return True


def last_batch_of_one(
    loader: DataLoader[Any], *, has_batch_norm: bool, where: str = "train loader"
) -> Iterator[Finding]:
    """D114: the last batch of an epoch has one sample, which a BatchNorm refuses in training.

    Args:
        loader: the training loader.
        has_batch_norm: whether the network has a BatchNorm over vectors of one value per channel.
        where: the loader.
    """
    dataset: Any = loader.dataset
    if loader.drop_last or loader.batch_size is None or loader.batch_size < 2 or not has_batch_norm:
        return
    if not hasattr(dataset, "__len__") or not isinstance(loader.sampler, RandomSampler):
        return
    size = len(loader.sampler)
    if size % loader.batch_size == 1:
        yield found(
            "D114",
            where,
            f"{size} samples in batches of {loader.batch_size} leave a last batch of one sample, "
            "and BatchNorm1d cannot normalise over one value: the first epoch ends in an error",
            "give the training DataLoader drop_last=True, or change the batch size by one",
        )
