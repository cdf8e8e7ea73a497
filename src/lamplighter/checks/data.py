"""Family D, as far as tensors, loaders and samplers go; files are looked at in `files`."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, WeightedRandomSampler

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

IMAGE_CHANNELS = (1, 3)


def inputs_all_alike(inputs: Tensor, *, where: str = "inputs") -> Iterator[Finding]:
    """D101: every sample is the same.

    Args:
        inputs: `(N, ...)`; at least 4 samples are needed for a verdict.
        where: the field or split it is about.
    """
    if inputs.shape[0] < 4 or inputs.numel() == 0 or inputs.numel() == inputs.shape[0] == 4:
        return
    values = inputs.detach().float()
    spread = (values - values[:1]).abs().max()
    if float(spread) < 1e-6 * max(1.0, float(values[0].abs().max())):
        yield found(
            "D101",
            where,
            f"all {inputs.shape[0]} samples looked at are identical (shape {tuple(inputs.shape[1:])})",
            "look at how a sample is read: a constant index, an unread file, or a division that "
            "rounds to 0",
        )


def values_not_finite(
    inputs: Tensor, *, where: str = "inputs", tolerated: bool = False
) -> Iterator[Finding]:
    """D102: NaN or infinity in the inputs, with its first place.

    Args:
        inputs: any shape.
        where: the field or split it is about.
        tolerated: whether the model was seen to answer with finite values nevertheless.
    """
    if not inputs.is_floating_point():
        return
    bad = ~torch.isfinite(inputs)
    if not bool(bad.any()):
        return
    place = tuple(int(i) for i in bad.nonzero()[0])
    kind = "NaN" if bool(torch.isnan(inputs).any()) else "infinity"
    rows = int(bad.flatten(1).any(1).sum()) if inputs.dim() > 1 else int(bad.sum())
    spot = f"row {place[0]}" + (f", column {place[1]}" if inputs.dim() == 2 else f", index {place}")
    yield found(
        "D102",
        where,
        f"{kind} in {rows} of {inputs.shape[0]} samples looked at; the first is {spot}",
        "fill or drop missing values before training, and look for divisions by a zero deviation",
        level="warning" if tolerated else None,
    )


def not_normalised(
    inputs: Tensor, *, absorbed: bool = False, where: str = "inputs"
) -> Iterator[Finding]:
    """D103: values far outside the range that layers are made for.

    Args:
        inputs: `(N, ...)` floating point, as the first layer with weights receives them.
        absorbed: whether a normalisation comes before or right after that layer.
        where: the field or layer it is about.
    """
    if not inputs.is_floating_point() or inputs.numel() < 16:
        return
    values = inputs.detach().float()
    largest, spread = float(values.abs().max()), float(values.std())
    if not (math.isfinite(largest) and largest > 30 and spread > 10):
        return
    picture = inputs.dim() >= 3 and inputs.shape[1] in IMAGE_CHANNELS and largest <= 255
    yield found(
        "D103",
        where,
        f"inputs reach from {float(values.min()):.4g} to {float(values.max()):.4g} "
        f"(deviation {spread:.3g})" + (", the range of raw pixels" if picture else ""),
        "scale pictures with v2.ToDtype(torch.float32, scale=True) and Normalize; standardise the "
        "columns of a table with the mean and deviation of train",
        level=None if picture and not absorbed else "warning",
    )


def scaled_twice(images: Tensor, *, where: str = "inputs") -> Iterator[Finding]:
    """D104: pictures whose channels look normalised, or divided by 255, twice.

    Args:
        images: `(N, C, H, W)` floating point with 1 or 3 channels.
        where: the field or split it is about.
    """
    if images.dim() != 4 or images.shape[1] not in IMAGE_CHANNELS or images.numel() < 1024:
        return
    if not images.is_floating_point():
        return
    values = images.detach().float()
    largest = float(values.abs().max())
    means, deviations = values.mean((0, 2, 3)), values.std((0, 2, 3))
    if 0 < largest < 0.02:
        yield found(
            "D104",
            where,
            f"no pixel is above {largest:.3g}: divided by 255 twice?",
            "keep one scaling: ToTensor and ToDtype(scale=True) already divide by 255",
        )
    elif largest < 30 and (float(means.abs().max()) > 1.5 or float(deviations.max()) > 3):
        yield found(
            "D104",
            where,
            f"channel means {_row(means)}, deviations {_row(deviations)}: normalised twice, or by "
            "figures of another range?",
            "apply Normalize once, after scaling to [0, 1]",
        )


def reshaped_for_permuted(images: Tensor, *, where: str = "inputs") -> Iterator[Finding]:
    """D105: a picture is smoother when its memory is read as H × W × C.

    Args:
        images: `(N, C, H, W)` with more than one channel.
        where: the field or split it is about.
    """
    if images.dim() != 4 or images.shape[1] not in (2, 3, 4) or min(images.shape[2:]) < 8:
        return
    count, channels, height, width = images.shape
    values = images.detach().float()
    as_it_is = _roughness(values)
    reread = values.reshape(count, height, width, channels).permute(0, 3, 1, 2)
    other = _roughness(reread)
    if other > 0 and as_it_is / other > 1.3:
        yield found(
            "D105",
            where,
            f"neighbouring pixels differ {as_it_is / other:.2f} times as much as when the same "
            "numbers are read as height × width × channels",
            "use permute(2, 0, 1) (or ToImage/ToTensor), not view or reshape, to bring channels first",
        )


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
    changes = sum(a != b for a, b in zip(labels, labels[1:], strict=False)) / (count - 1)
    if chance > 0.1 and changes < 0.3 * chance:
        yield found(
            "D106",
            where,
            f"the class changes between {changes:.1%} of neighbouring samples, by chance it would "
            f"be {chance:.0%}: the data lie sorted by class and are read in that order",
            "give the training DataLoader shuffle=True",
        )


def order_is_fixed(loader: DataLoader[Any]) -> bool:
    """Whether the loader reads a map-style data set in one fixed order."""
    if isinstance(loader.dataset, IterableDataset):
        return False
    return type(loader.sampler).__name__ == "SequentialSampler"


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


def generators_in(thing: Any, *, depth: int = 4) -> Iterator[tuple[str, Any]]:
    """The random generators kept as attributes of an object and of what it holds.

    Yields:
        Dotted name and generator (`random.Random`, NumPy's or torch's).
    """
    seen: set[int] = set()
    stack: list[tuple[str, Any, int]] = [(type(thing).__name__, thing, depth)]
    while stack:
        name, value, left = stack.pop()
        if id(value) in seen or left < 0 or isinstance(value, Tensor | np.ndarray | str | type):
            continue
        seen.add(id(value))
        if isinstance(
            value, random.Random | np.random.Generator | np.random.RandomState | torch.Generator
        ):
            yield name, value
            continue
        inner: dict[Any, Any] = {}
        if isinstance(value, list | tuple) and len(value) <= 32:
            inner = dict(enumerate(value))
        elif isinstance(value, dict) and len(value) <= 32:
            inner = value
        elif hasattr(value, "__dict__") and not callable(getattr(value, "mro", None)):
            inner = vars(value)
        stack.extend((f"{name}.{key}", child, left - 1) for key, child in inner.items())


def generator_state(generator: Any) -> Any:
    """A comparable, restorable copy of a generator's state."""
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return generator.get_state()


def put_generator_state(generator: Any, state: Any) -> None:
    """Undoes what was drawn since `generator_state`."""
    if isinstance(generator, random.Random):
        generator.setstate(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)


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
    sampler, dataset = loader.sampler, loader.dataset
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


def fields_differ_in_length(fields: dict[str, Tensor]) -> Iterator[Finding]:
    """D112: the inputs and targets of one batch have different numbers of samples.

    Args:
        fields: name → tensor with samples along dimension 0.
    """
    lengths = {name: t.shape[0] for name, t in fields.items() if t.dim() > 0}
    if len(set(lengths.values())) > 1 and len(lengths) == 2:
        told = ", ".join(f"{name} {count}" for name, count in lengths.items())
        yield found(
            "D112",
            "batch",
            f"its fields have different lengths: {told}",
            "look at the collate function or processor that drops rows",
        )


def sequences_cut(tokens: Tensor, *, where: str = "inputs") -> Iterator[Finding]:
    """D113: many token rows fill the maximum length while others are padded.

    Args:
        tokens: `(N, T)` integers, padded at the end.
        where: the field it is about.
    """
    if (
        tokens.dim() != 2
        or tokens.is_floating_point()
        or tokens.shape[0] < 32
        or tokens.shape[1] < 8
    ):
        return
    lengths = valid_lengths(tokens)
    if lengths is None:
        return
    full = float((lengths == tokens.shape[1]).float().mean())
    if 0.2 < full < 0.95 and float((lengths == tokens.shape[1] - 1).float().mean()) < full / 4:
        yield found(
            "D113",
            where,
            f"{full:.0%} of the rows fill all {tokens.shape[1]} places and the others are padded: "
            "they were probably cut off",
            "raise the maximum length, or split long texts in pieces",
        )


def valid_lengths(tokens: Tensor) -> Tensor | None:
    """Length of each row without its trailing padding; None where no padding is seen.

    Args:
        tokens: `(N, T)`; padding is the value that ends most of the rows that end in a run.
    """
    if tokens.dim() != 2 or tokens.shape[1] < 3:
        return None
    ends = tokens[:, -1][tokens[:, -1] == tokens[:, -2]]
    if len(ends) < max(2, tokens.shape[0] // 10):
        return None
    pad = ends.mode().values
    if float((ends == pad).float().mean()) < 0.9:
        return None
    is_pad = (tokens == pad).flip(1).long().cumprod(1).sum(1)
    return tokens.shape[1] - is_pad


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


def _roughness(images: Tensor) -> float:
    across = (images[..., 1:] - images[..., :-1]).abs().mean()
    down = (images[..., 1:, :] - images[..., :-1, :]).abs().mean()
    return float(across + down)


def _row(values: Tensor) -> str:
    return "(" + ", ".join(f"{v:.2f}" for v in values.tolist()) + ")"
