"""Family S: what train and validation have in common and should not."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST_ROWS = 16  # of which the columns' values are counted
ALL = 4096  # samples among which one pair may be equal by chance
CHANCE = 0.01  # of that
MOST_OFTEN = 8  # times that one sample may come where that is no mere chance
COPIES = 10  # of one sample, at most
ENOUGH_OF_A_CLASS = 8
FEW_VALUES, NEARLY = 3, 0.9  # of a column; of the samples that another one sorts rightly
MOST_ENTRIES = 256  # of two data sets, that are compared


def exact_overlap(
    train: Sequence[bytes], val: Sequence[bytes], *, where: str = "validation"
) -> Iterator[Finding]:
    """S101: samples of validation that are in train, byte for byte.

    Args:
        train: fingerprints of train samples.
        val: fingerprints of validation samples.
        where: the split.
    """
    known = set(train)
    shared = [index for index, print_ in enumerate(val) if print_ in known]
    # a blank picture is like every other one: several of them are no more than one
    several = len({val[index] for index in shared}) >= 2
    if several and len(shared) > 0.01 * len(val):
        yield found(
            "S101",
            where,
            f"{len(shared)} of {len(val)} samples looked at are also in train "
            f"(first: {', '.join(map(str, shared[:3]))})",
            "remove duplicates before splitting, and split once, by sample",
        )


def fingerprints(rows: Tensor) -> list[bytes]:
    """A digest of each sample's numbers, for `exact_overlap`.

    Args:
        rows: `(N, ...)`.
    """
    whole = memoryview(bytes_of(rows.detach().cpu()))
    size = len(whole) // len(rows) if len(rows) else 0
    return [
        hashlib.blake2b(whole[i * size : (i + 1) * size], digest_size=16).digest()
        for i in range(len(rows))
    ]


def are_rarely_equal(inputs: Tensor) -> bool:
    """Whether the values of the columns leave no room for two equal samples by chance.

    Args:
        inputs: `(N, D)` numbers, or tokens padded behind.
    """
    if inputs.dim() != 2 or len(inputs) < FEWEST_ROWS or inputs.is_complex():
        return False
    rows = inputs.detach()[:256].cpu()
    count = len(rows)
    ordered = rows.sort(0).values
    runs = torch.cat([torch.ones(1, rows.shape[1]), (ordered[1:] != ordered[:-1]).float()]).cumsum(
        0
    )
    sizes = torch.zeros(count + 1, rows.shape[1]).scatter_add_(
        0, runs.long(), torch.ones_like(runs)
    )
    pairs = (sizes * (sizes - 1)).sum(0).clamp(min=1) / (count * (count - 1))
    return float(pairs.log().sum()) < math.log(CHANCE) - 2 * math.log(ALL)


def bytes_of(sample: Tensor) -> bytes:
    """The numbers of a sample as bytes, whatever its dtype."""
    return bytes(sample.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


def near_duplicates(train: Tensor, val: Tensor, *, where: str = "validation") -> Iterator[Finding]:
    """S102: validation samples lie far nearer to a train sample than train samples lie to each other.

    Args:
        train: `(N, ...)` floating point with at least 64 values per sample, N ≥ 64.
        val: `(M, ...)`, M ≥ 32.
        where: the split.
    """
    one, other = train.detach().flatten(1).float(), val.detach().flatten(1).float()
    if one.shape[1] < 64 or one.shape[1] != other.shape[1] or len(one) < 64 or len(other) < 32:
        return
    own = torch.cdist(one, one)
    own.fill_diagonal_(float("inf"))
    usual = own.min(1).values
    across = torch.cdist(other, one).min(1)
    threshold = 0.25 * float(usual[usual > 0].median()) if bool((usual > 0).any()) else 0.0
    near = ((across.values < threshold) & (across.values > 0)).nonzero().flatten()
    base_rate = float((usual < threshold).float().mean())
    if len(near) <= (0.05 + 2 * base_rate) * len(other):
        near = _apart_from_the_rest(float(torch.quantile(usual, 0.9)), across.values)
    if len(near) <= 0.05 * len(other):  # with several copies of each, their distance is the usual
        beyond = own.topk(min(COPIES, len(own) - 1), largest=False).values[:, -1]
        near = _apart_from_the_rest(float(beyond.median()), across.values)
    if len(near) >= 3 and len(near) > 0.05 * len(other):
        shown = ", ".join(f"{int(i)}≈train {int(across.indices[i])}" for i in near[:3])
        yield found(
            "S102",
            where,
            f"{len(near)} of {len(other)} samples looked at have a near copy in train: {shown}",
            "keep copies, crops and frames of one source in one split",
        )


def _apart_from_the_rest(lonely: float, across: Tensor) -> Tensor:
    """Samples far nearer than a distance of train, with hardly any distances in between.

    Where copies were made before the split, most of train has a copy in train as well, and its
    usual distance is that of copies.

    Args:
        lonely: the distance of samples of train that are no copies of each other.
        across: `(M,)` from each held-out sample to the nearest of train.
    """
    near = (across > 0) & (across < 0.2 * lonely)
    between = (across >= 0.2 * lonely) & (across < 0.4 * lonely)
    is_apart = int(between.sum()) <= 0.1 * int(near.sum())
    return near.nonzero().flatten() if is_apart else across.new_empty(0, dtype=torch.long)


def feature_gives_label_away(features: Tensor, labels: Tensor) -> Iterator[Finding]:
    """S103: the value of a single feature decides the label.

    Args:
        features: `(N, D)` with N ≥ 64.
        labels: `(N,)` class numbers.
    """
    if features.dim() != 2 or labels.dim() != 1 or labels.is_floating_point():
        return
    count, width = features.shape
    sizes = torch.unique(labels, return_counts=True)[1]
    classes = len(sizes)
    if count < 64 or classes < 2 or width > 5000 or width < 2:
        return
    if int(sizes.min()) < ENOUGH_OF_A_CLASS:
        return  # three samples share a value with nobody else by chance, in some column
    for column in range(width):
        values, where = torch.unique(features[:, column], return_inverse=True)
        if not classes <= len(values) <= 2 * classes:
            continue
        table = torch.zeros(len(values), int(labels.max()) + 1)
        table.index_put_((where, labels.long()), torch.ones(count), accumulate=True)
        if bool(((table > 0).sum(1) == 1).all()):
            yield found(
                "S103",
                f"feature {column}",
                f"its {len(values)} values decide the label in all {count} samples looked at: it "
                "is the label, or was made from it",
                "drop this column from the inputs",
            )
            return
    if classes == 2:
        yield from _empty_in_one_class(features.float(), labels)


def _empty_in_one_class(features: Tensor, labels: Tensor) -> Iterator[Finding]:
    """S103: a column has one value in one class, and others in the other, as a date of a departure has.

    A warning, and only where no other column comes near to that: in pictures of two simple shapes
    several places do.
    """
    one = labels == labels.max()
    if features.shape[1] < 3 or not bool(torch.isfinite(features).all()):
        return
    constant, filled = [], []
    for mine, others in ((one, ~one), (~one, one)):
        value = features[mine][:1]
        constant.append((features[mine] == value).all(0))
        filled.append((features[others] != value).all(0))
    decides = (constant[0] & filled[0]) | (constant[1] & filled[1])
    if int(decides.sum()) != 1:
        return
    column = int(decides.nonzero()[0])
    if (
        len(torch.unique(features[:, column])) <= FEW_VALUES
        or _best_cut(features, one, column) > NEARLY
    ):
        return
    yield found(
        "S103",
        f"feature {column}",
        f"in all {len(labels)} samples looked at it has one and the same value in one class, and never "
        "in the other: it was filled in when the label was known",
        "drop this column from the inputs, or take its value of an earlier time",
        level="warning",
    )


def _best_cut(features: Tensor, one: Tensor, without: int) -> float:
    """The largest share of samples that a single cut through another column sorts rightly."""
    order = features.argsort(0)
    above = (
        one.double().mul(2).sub(1)[order].cumsum(0)
    )  # ones less zeros, up to each row of a column
    zeros = len(one) - int(one.sum())
    # so many are right if those up to the row are called zeros, or ones
    ends = torch.maximum(zeros + (above[-1] - above).amax(0), zeros + above.amax(0)) / len(one)
    ends[without] = 0
    return float(ends.max())


def feature_is_target(features: Tensor, targets: Tensor) -> Iterator[Finding]:
    """S103: the last input is the number that is to be predicted, sample by sample.

    So it is where a table keeps its target, or where a window ends too late. That a made-up task asks
    for another of its inputs is common and wanted.

    Args:
        features: `(N, D)` floating point with N ≥ 64; a sequence may well have a place to remember.
        targets: `(N,)` or `(N, 1)` floating point.
    """
    right, rows = targets.detach().reshape(len(targets), -1), features.detach()
    if rows.dim() != 2 or right.shape[1] != 1 or not 2 <= rows.shape[1] <= 5000 or len(rows) < 64:
        return
    if not right.is_floating_point() or len(torch.unique(right)) < len(right) // 4:
        return
    if torch.equal(rows[:, -1:].float(), right.float()):
        yield found(
            "S103",
            f"feature {rows.shape[1] - 1}",
            f"it equals the target in all {len(rows)} samples looked at",
            "drop this column from the inputs; a window must end before the value it is to predict",
        )


def indices_meet(train: Any, val: Any) -> Iterator[Finding]:
    """S104: two `Subset`s of one data set, or of two that hold the same samples, share indices.

    A data set is often made twice, with and without augmentation, and then each is split by itself.

    Args:
        train: the train data set or loader.
        val: the validation data set or loader.
    """
    one, other = _data_set(train), _data_set(val)
    if not (isinstance(one, Subset) and isinstance(other, Subset)):
        return
    twice = one.dataset is not other.dataset
    if twice and not _hold_the_same(one.dataset, other.dataset):
        return
    shared = {int(i) for i in one.indices} & {int(i) for i in other.indices}
    if shared:
        how = "split the indices once, for example with random_split"
        if twice:
            how = "draw the indices once and take the same ones from both data sets: Subset(data, indices)"
        yield found(
            "S104",
            "validation",
            f"{len(shared)} of its {len(other)} indices are also in train "
            f"(such as {', '.join(map(str, sorted(shared)[:3]))})"
            + (", whose data set is another one of the same samples" if twice else ""),
            how,
        )


def _hold_the_same(one: Any, other: Any) -> bool:
    """Whether two data sets of one class keep equal lists or tables of samples, most of them different."""
    if type(one) is not type(other) or not hasattr(one, "__len__") or len(one) != len(other):
        return False
    mine, theirs = getattr(one, "__dict__", {}), getattr(other, "__dict__", {})
    tables = [key for key in mine.keys() & theirs.keys() if _is_table(mine[key], len(one))]
    return any(_are_varied(mine[key]) for key in tables) and all(
        _are_equal(mine[key], theirs[key]) for key in tables
    )


def _is_table(thing: Any, count: int) -> bool:
    """Whether a thing has an entry for each of so many samples."""
    kinds = (list, tuple, np.ndarray, Tensor)
    return isinstance(thing, kinds) and count > 1 and len(thing) == count


def _are_varied(table: Any) -> bool:
    """Whether hardly two entries are alike, as no list of labels is."""
    some = list(table[:MOST_ENTRIES])
    if isinstance(table, np.ndarray | Tensor):
        some = [np.asarray(entry).tobytes() for entry in some]
    return len(set(map(repr, some))) > 0.9 * len(some)


def _are_equal(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        return one.shape == other.shape and torch.equal(one[:MOST_ENTRIES], other[:MOST_ENTRIES])
    if isinstance(one, np.ndarray):
        return np.array_equal(one[:MOST_ENTRIES], other[:MOST_ENTRIES])
    try:
        return bool(one == other)
    except (TypeError, ValueError, RuntimeError):
        return False  # entries that are tensors cannot be compared so


def validation_is_train(train: Any, val: Any) -> Iterator[Finding]:
    """S101: validation is the very object that is trained on.

    Args:
        train: the train data set or loader.
        val: the validation data set or loader.
    """
    if val is not None and _data_set(train) is _data_set(val) and not isinstance(train, list):
        yield found(
            "S101",
            "validation",
            "validation is the very data set that is trained on",
            "set samples aside before training, for example with random_split",
        )


def trained_before_the_split(known: int, count: int, *, where: str) -> Iterator[Finding]:
    """S101: the weights that a training goes on from had learned samples that are held out now.

    Args:
        known: held-out samples that were trained on before.
        count: held-out samples.
        where: what they are called.
    """
    yield found(
        "S101",
        where,
        f"{known} of its {count} samples were trained on by the network whose weights were loaded: "
        "the data set was split anew, in another way, before the training went on",
        "split by a fixed seed, random_split(…, generator=torch.Generator().manual_seed(0)), or keep "
        "the row numbers with the weights",
    )


def _data_set(thing: Any) -> Any:
    return thing.dataset if isinstance(thing, DataLoader) else thing
