"""The data round: samples and labels of train and validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, Subset, TensorDataset, default_collate

from lamplighter.checks import data, labels, loading, splits, transforms
from lamplighter.checks.batches import (
    labels_of,
    mapping_of,
    read_batches,
    sample_rows,
    tensors_in,
    unpack_batch,
)
from lamplighter.checks.finding import Finding
from lamplighter.checks.guess import answer_in
from lamplighter.checks.laid import row_of_one_sample
from lamplighter.checks.probe import ProbeStopped
from lamplighter.checks.row_numbers import row_number_decides
from lamplighter.checks.setup import Setup
from lamplighter.checks.snapshot import seed_all

FEW, MANY = 64, 2048
SECONDS = 0.4
STORED = 200_000_000  # numbers of a stored tensor that are looked through, in under a second


def read_train(setup: Setup, count: int) -> None:
    """Reads some batches of train and puts them on the model's device.

    Args:
        setup: gets its `batches`.
        count: how many.
    """
    if setup.train_set is not None and len(setup.train_set) == 0:
        return
    size = min(32, len(setup.train_set)) if setup.train_set is not None else 32
    seed_all(0)
    for raw in read_batches(setup.data, count, size=size):
        batch = unpack_batch(raw, setup.model, setup.unpack)
        setup.batches.append(batch.to(setup.device))


def look_at_inputs(setup: Setup) -> Iterator[Finding]:
    """Range, finiteness and likeness of the inputs that were read."""
    firsts = [b.first for b in setup.batches]
    alike = [f for f in firsts if f is not None and f.dim() and f.shape[1:] == firsts[0].shape[1:]]  # type: ignore[union-attr]
    if not alike:
        return
    inputs = torch.cat(alike)
    yield from data.inputs_all_alike(inputs)
    seen = list(data.values_not_finite(inputs, tolerated=_answers_finitely(setup)))
    yield from seen or _look_through_stored(setup)
    if _is_finite(inputs):
        yield from data.scaled_twice(inputs)
        yield from data.reshaped_for_permuted(inputs)
    yield from data.sequences_cut(inputs)
    targets = setup.batches[0].targets
    if isinstance(targets, Tensor) and isinstance(setup.batches[0].inputs, Tensor):
        fields = {"inputs": setup.batches[0].inputs, "targets": targets}
        if targets.dim() == 1:
            yield from data.fields_differ_in_length(fields)
    for tensor in tensors_in(targets):
        yield from data.values_not_finite(tensor, where="targets")
    yield from _rows_left_out(setup)


def _rows_left_out(setup: Setup) -> Iterator[Finding]:
    """A field that the loader's own collate function makes of one sample alone."""
    loader = setup.loader
    if loader is None or isinstance(loader.dataset, IterableDataset):
        return
    collate: Any = loader.collate_fn
    if not getattr(collate, "__module__", "").startswith("torch.utils.data"):
        yield from (told for told, _ in row_of_one_sample(loader.dataset, collate))


def _look_through_stored(setup: Setup) -> Iterator[Finding]:
    """Inputs that are not finite in a tensor that lies in memory: all of it, not some batches."""
    for where, dataset in (("inputs of train", setup.train_set), ("inputs of val", setup.val_set)):
        inner = dataset.dataset if isinstance(dataset, Subset) else dataset
        if not isinstance(inner, TensorDataset) or inner.tensors[0].numel() > STORED:
            continue
        rows = inner.tensors[0]
        if isinstance(dataset, Subset):
            rows = rows[torch.as_tensor(list(dataset.indices))]
        if _is_finite(rows):
            continue
        bad = int((~torch.isfinite(rows)).flatten(1).any(1).nonzero()[0])
        tolerated = _answers_finitely_to(setup, dataset[bad])
        yield from data.values_not_finite(rows, where=where, tolerated=tolerated)


def look_at_order(setup: Setup) -> Iterator[Finding]:
    """Whether train is read sorted by class."""
    loader = setup.loader
    if loader is None or not loading.order_is_fixed(loader) or setup.task == "regression":
        return
    known = setup.labels or _labels_read(setup.train_set)
    if known is not None and 1 < len(set(known)) <= max(2, len(known) // 4):
        yield from loading.sorted_and_not_shuffled(known)


def look_at_labels(setup: Setup) -> Iterator[Finding]:
    """Classes of train and validation, their numbers and their sizes."""
    train, val = setup.labels, None if setup.val_set is None else labels_of(setup.val_set)
    mapping, other = mapping_of(setup.train_set), mapping_of(setup.val_set)
    if mapping and other:
        yield from labels.class_numbers_differ(mapping, other)
    if train is not None and len(set(train)) <= max(2, len(train) // 4):
        yield from labels.classes_unequal(train)
        if val is not None and not other:
            yield from labels.unknown_classes(train, val)
    if mapping and other:
        yield from labels.unknown_classes(list(mapping), list(other))


def look_at_leaks(setup: Setup) -> Iterator[Finding]:
    """Features that are the label, contradictory labels, labels without signal."""
    rows = setup.sampled(MANY if setup.thorough else 512, seconds=SECONDS)
    if rows is None or rows[1] is None or rows[1].dim() != 1 or rows[1].is_floating_point():
        return
    inputs, targets = rows[0], rows[1]
    told = list(splits.feature_gives_label_away(inputs, targets))
    yield from told or row_number_decides(inputs, targets)
    yield from labels.one_input_two_labels(inputs, targets)
    if setup.thorough and _is_finite(inputs) and inputs[0].numel() <= 4096:
        yield from labels.labels_without_signal(inputs, targets)


def look_across_splits(setup: Setup) -> Iterator[Finding]:
    """Samples that are in both splits, and splits that are prepared differently."""
    train, val = setup.train_set, setup.val_set
    if train is None or val is None or train is val:
        return
    yield from splits.exact_overlap(_paths(train), _paths(val))
    limit = MANY if setup.thorough else FEW
    one = setup.sampled(limit, seconds=SECONDS)
    other = sample_rows(val, limit, seconds=SECONDS)
    if one is None or other is None or one[0].shape[1:] != other[0].shape[1:]:
        return
    if one[0].is_floating_point() and _is_finite(one[0]) and _is_finite(other[0]):
        reversed_ = list(transforms.channels_reversed(one[0], other[0]))
        yield from reversed_ or transforms.preprocessed_differently(one[0], other[0])
    yield from _look_for_copies(train, one, other, setup.thorough)


def look_at_repetition(setup: Setup) -> Iterator[Finding]:
    """Whether a validation sample read twice is the same."""
    val = setup.val_set
    if val is None or len(val) == 0:
        return
    for index in sorted({0, len(val) // 2}):
        seed_all(1)
        first = next(tensors_in(unpack_batch(val[index], None).inputs), None)
        seed_all(2)
        second = next(tensors_in(unpack_batch(val[index], None).inputs), None)
        if first is None or second is None:
            return
        told = list(transforms.random_at_evaluation(first, second, where=f"validation[{index}]"))
        if told:
            yield from told
            return


def _look_for_copies(train: Any, one: Any, other: Any, thorough: bool) -> Iterator[Finding]:
    inputs, _, complete = one
    if not complete and hasattr(train, "tensors") and train.tensors[0].numel() < 5e7:
        inputs = train.tensors[0]
        complete = True
    if inputs[0].numel() < 8:
        return
    prints = splits.fingerprints(inputs)
    if len(set(prints)) < 0.9 * len(prints):
        return  # short or coarse rows repeat by nature
    exact = list(splits.exact_overlap(prints, splits.fingerprints(other[0])))
    yield from exact
    if thorough and not exact and inputs.is_floating_point() and _is_finite(inputs):
        yield from splits.near_duplicates(inputs[:MANY], other[0][:512])


def _paths(dataset: Any) -> list[bytes]:
    """The files of a data set that lists them as `samples`, as torchvision's folders do."""
    inner = getattr(dataset, "dataset", dataset)
    listed = getattr(inner, "samples", None)
    if not isinstance(listed, list) or not listed or not isinstance(listed[0], tuple):
        return []
    chosen = getattr(dataset, "indices", None) if inner is not dataset else None
    rows = listed if chosen is None else [listed[i] for i in chosen]
    return [str(row[0]).encode() for row in rows]


def _labels_read(dataset: Any) -> list[int] | None:
    rows = sample_rows(dataset, 128, seconds=SECONDS)
    if rows is None or rows[1] is None or rows[1].dim() != 1 or rows[1].is_floating_point():
        return None
    return [int(label) for label in rows[1].tolist()]


def _is_finite(values: Tensor) -> bool:
    return not values.is_floating_point() or bool(torch.isfinite(values).all())


def _answers_finitely_to(setup: Setup, sample: Any) -> bool:
    """Whether the network answers this one sample with finite values."""
    if setup.prober is None:
        return False
    batch = unpack_batch(default_collate([sample, sample]), setup.model, setup.unpack)
    try:
        answer = answer_in(setup.prober.answer(batch.to(setup.device)))
    except ProbeStopped:
        return False
    return answer is not None and _is_finite(answer)


def _answers_finitely(setup: Setup) -> bool:
    evidence = setup.evidence
    return evidence is not None and evidence.answer is not None and _is_finite(evidence.answer)
