"""Family S: what train and validation have in common and should not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


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
    if len(shared) >= 2 and len(shared) > 0.01 * len(val):
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


def bytes_of(sample: Tensor) -> bytes:
    """The numbers of a sample as bytes, whatever its dtype."""
    return bytes(sample.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


COPIES = 10  # of one sample, at most


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


ENOUGH_OF_A_CLASS = 8


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
    """S104: two `Subset`s of one data set share indices.

    Args:
        train: the train data set or loader.
        val: the validation data set or loader.
    """
    one, other = _data_set(train), _data_set(val)
    if not (isinstance(one, Subset) and isinstance(other, Subset)):
        return
    if one.dataset is not other.dataset:
        return
    shared = {int(i) for i in one.indices} & {int(i) for i in other.indices}
    if shared:
        yield found(
            "S104",
            "validation",
            f"{len(shared)} of its {len(other)} indices are also in train "
            f"(such as {', '.join(map(str, sorted(shared)[:3]))})",
            "split the indices once, for example with random_split",
        )


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


def scaler_fitted_on_all(
    mean: Tensor, train: Tensor, val: Tensor, *, where: str = "scaler"
) -> Iterator[Finding]:
    """S107: a scaler's mean is that of train and validation together.

    Args:
        mean: `(D,)` the scaler's means.
        train: `(N, D)` train before scaling.
        val: `(M, D)` validation before scaling.
        where: the scaler.
    """
    alone, together = train.double().mean(0), torch.cat([train, val]).double().mean(0)
    apart = float((alone - together).abs().max())
    if apart < 1e-6 * (1 + float(alone.abs().max())):
        return
    gap = float((mean.double() - together).abs().max())
    if gap < 1e-3 * apart:
        yield found(
            "S107",
            where,
            "its means are those of train and validation together, so validation has leaked into "
            "the preprocessing",
            "fit the scaler on train alone, after splitting",
        )


def standardised_together(
    train: Tensor, others: Sequence[Tensor], *, where: str = "validation"
) -> Iterator[Finding]:
    """S107: train and validation laid together have mean 0 and deviation 1 exactly, train has not.

    One mean and one deviation for all columns give away next to nothing, so that is for information.

    Args:
        train: `(N, ...)` floating point, all samples, as they enter training.
        others: the same of validation, or of validation and test.
        where: the split.
    """
    if train.dim() < 2 or any(o.shape[1:] != train.shape[1:] for o in others):
        return
    alone = train.detach().double()
    whole = torch.cat([alone, *(o.detach().double() for o in others)])
    overall = tuple(range(train.dim()))
    for dims in [(0,), (0, *range(2, train.dim())), overall]:
        gap = _off_standard(whole, dims)
        own_gap = _off_standard(alone, dims)
        if gap < 2e-5 and own_gap > max(1e-3, 50 * gap):
            yield found(
                "S107",
                where,
                f"laid together, {len(alone)} train and {len(whole) - len(alone)} held-out samples "
                f"have mean 0 and deviation 1 to within {gap:.0e}, train alone only to within "
                f"{own_gap:.1g}: the scaling was fitted on all of them",
                "fit the scaler on train alone, after splitting",
                level="info" if dims == overall and whole[0].numel() > 1 else None,
            )
            return


def scaled_as_a_whole(
    whole: Tensor, train: Tensor, held_out: Tensor, *, where: str = "validation"
) -> Iterator[Finding]:
    """S107: train and held-out samples are parts of one array that was scaled as a whole.

    Args:
        whole: `(N,)` or `(N, D)`: a table, or a series of which the samples are windows.
        train: samples that are trained on, `(M, …)`; their last dimension may be D.
        held_out: samples that are held out.
        where: the split.
    """
    table = whole.detach().double().reshape(len(whole), -1)
    kind = how_scaled(table)
    if not kind or train.dim() < 1 or not train.is_floating_point():
        return
    mine, theirs = _rows_within(table, train), _rows_within(table, held_out)
    if mine is None or theirs is None or len(mine) < 32 or len(theirs) < 8:
        return
    apart = ~torch.isin(theirs, mine)
    if len(mine) > 0.98 * len(table) or float(apart.float().mean()) < 0.5:
        return
    part = table[mine]
    if kind == "mean 0 and deviation 1":
        own = min(_off_standard(part, (0,)), _off_standard(part, (0, 1)))
        scaled_alone = own < 1e-3
    else:
        scaled_alone = bool((part.amin(0) < 1e-6).all() and (part.amax(0) > 1 - 1e-6).all())
    if not scaled_alone:
        yield found(
            "S107",
            where,
            f"all {len(table)} rows together have {kind} exactly, the {len(mine)} of them that are "
            "trained on have not: the scaling was fitted on what is held out as well",
            "fit the scaler on train alone, after splitting",
        )


def how_scaled(table: Tensor) -> str:
    """Which scaling fits a table `(N, D)` exactly, in words; empty if none does.

    Numbers that lie in a range by nature, as pixels or shares of time, seldom touch both its ends
    once each.
    """
    if len(table) < 64 or not bool(torch.isfinite(table).all()):
        return ""
    if min(_off_standard(table, (0,)), _off_standard(table, (0, 1))) < 2e-5:
        return "mean 0 and deviation 1"
    low, high = table.amin(0), table.amax(0)
    telling = (high - low) > 0
    for bottom in (0.0, -1.0):
        fits = ((low - bottom).abs() < 1e-6) & ((high - 1).abs() < 1e-6)
        if bool(telling.any()) and bool((fits | ~telling).all()) and _has_lone_ends(table):
            return f"minimum {bottom:.0f} and maximum 1"
    return ""


def _has_lone_ends(table: Tensor) -> bool:
    """Whether a column of many values reaches its ends once and does not simply rise or fall."""
    for column in table.T[:64]:
        differences = column[1:] - column[:-1]
        rises = bool((differences >= 0).all()) or bool((differences <= 0).all())
        many = len(torch.unique(column)) > 0.5 * len(column)
        lone = int((column == column.max()).sum()) == 1 == int((column == column.min()).sum())
        if many and lone and not rises:
            return True
    return False


def _rows_within(table: Tensor, samples: Tensor) -> Tensor | None:
    """Which rows of a table samples consist of, or None where some come from elsewhere."""
    width = table.shape[1]
    values = samples.detach().to(torch.float32)
    if width > 1 and values.shape[-1] != width and values[0].numel() % width:
        return None
    flat = values.reshape(-1, width)
    if not len(flat):
        return None
    flat = flat[:: max(1, len(flat) // 20_000)]
    own = table.to(torch.float32)
    key = torch.linspace(1.0, 1.7, width, dtype=torch.float64)
    keys, order = torch.sort((own.double() * key).sum(1))
    wanted = (flat.double() * key).sum(1)
    at = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    rows = order[at]
    same = (own[rows] - flat).abs().amax(1) == 0
    return torch.unique(rows[same]) if float(same.float().mean()) > 0.98 else None


def _off_standard(values: Tensor, dims: tuple[int, ...]) -> float:
    """How far the columns are from mean 0 and deviation 1; constant columns do not count."""
    mean = values.mean(dims)
    count = values.numel() // max(1, mean.numel())
    deviation = values.std(dims, correction=0)
    counted = deviation > 0
    if count < 32 or not bool(counted.any()):
        return float("inf")
    unbiased = deviation * (count / (count - 1)) ** 0.5
    spread = torch.minimum((deviation - 1).abs(), (unbiased - 1).abs())
    return float(torch.maximum(mean.abs(), spread)[counted].max())


def _data_set(thing: Any) -> Any:
    return thing.dataset if isinstance(thing, DataLoader) else thing
