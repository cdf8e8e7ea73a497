"""Family Y: labels and targets, as tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.data import valid_lengths
from lamplighter.checks.finding import Finding
from lamplighter.checks.splits import MOST_OFTEN, are_rarely_equal, bytes_of


def labels_without_signal(inputs: Tensor, labels: Tensor) -> Iterator[Finding]:
    """Y101: near neighbours agree in their label no more often than shuffled labels would.

    Both the nearest neighbours and a linear fit must fail; hard tasks pass one of them.

    Args:
        inputs: `(N, ...)` floating point, N ≥ 512.
        labels: `(N,)` class numbers.
    """
    count = inputs.shape[0]
    shares = torch.bincount(labels.long().clamp(min=0)).float() / count
    if count < 512 or float(shares.max()) > 0.8 or not inputs.is_floating_point():
        return
    rows = inputs.detach().flatten(1).float()
    rows = (rows - rows.mean(0)) / (rows.std(0) + 1e-6)
    distances = torch.cdist(rows, rows)
    distances.fill_diagonal_(float("inf"))
    nearest = distances.topk(5, largest=False).indices
    seen = float((labels[nearest] == labels[:, None]).float().mean())
    by_chance = float((shares * shares).sum())
    noise = (by_chance * (1 - by_chance) / count) ** 0.5
    if seen <= by_chance + noise and _linear_fit(rows, labels) <= by_chance + 2 * noise:
        yield found(
            "Y101",
            "labels",
            f"among {count} samples, the five nearest neighbours share a label in {seen:.1%} of "
            f"cases; shuffled labels give {by_chance:.1%}",
            "look whether inputs and labels were sorted, joined or zipped in different orders",
        )


def _linear_fit(rows: Tensor, labels: Tensor) -> float:
    """Accuracy of a ridge regression fitted on one half and asked about the other."""
    half = rows.shape[0] // 2
    answers = torch.nn.functional.one_hot(labels.long()).float()
    centred = answers - answers.mean(0)
    kernel = rows[:half] @ rows[:half].T
    ridge = float(kernel.diagonal().mean()) * 0.1 + 1e-6
    solved = torch.linalg.solve(kernel + ridge * torch.eye(half), centred[:half])
    guess = (rows[half:] @ rows[:half].T @ solved).argmax(1)
    return float((guess == labels[half:]).float().mean())


def no_better_than_majority(
    correct: int, count: int, majority: float, *, where: str = "validation"
) -> Iterator[Finding]:
    """Y101 while training: at the end the model is no better than the commonest class.

    Args:
        correct: right answers on validation.
        count: validation samples.
        majority: share of the commonest class.
        where: the split.
    """
    if count < 60 or majority >= 0.8:
        return
    noise = (majority * (1 - majority) / count) ** 0.5
    if correct / count <= majority + noise:
        yield found(
            "Y101",
            where,
            f"accuracy {correct / count:.1%} on {count} samples is no better than always answering "
            f"the commonest class ({majority:.1%})",
            "look whether inputs and labels belong together; then at the learning rate",
        )


def labels_begin_at_one(
    labels: Tensor, outputs: int, *, where: str = "labels"
) -> Iterator[Finding]:
    """Y102: labels run from 1 to C−1 while the model has C outputs.

    Args:
        labels: `(N,)` class numbers, N ≥ 200.
        outputs: C, the number of outputs.
        where: the field it is about.
    """
    if labels.dim() != 1 or labels.numel() < 200 or labels.is_floating_point() or outputs < 3:
        return
    seen = torch.unique(labels)
    if int(seen.min()) == 1 and int(seen.max()) == outputs and len(seen) >= outputs - 1:
        yield found(
            "Y102",
            where,
            f"labels run from 1 to {outputs} with {outputs} outputs, which are numbered from 0",
            "subtract 1 from the labels",
        )
    elif int(seen.min()) == 1 and int(seen.max()) == outputs - 1 and len(seen) == outputs - 1:
        yield found(
            "Y102",
            where,
            f"{labels.numel()} labels take all values from 1 to {outputs - 1} and never 0, with "
            f"{outputs} outputs: one output is there only to make room for the offset",
            f"subtract 1 from the labels and give the model {outputs - 1} outputs",
        )


def masks_begin_at_one(masks: Tensor, outputs: int, *, where: str = "masks") -> Iterator[Finding]:
    """Y102 of a class for each pixel: 0 may be kept for what is left out, so it is a warning.

    Args:
        masks: `(N, H, W)` class numbers, all of a data set.
        outputs: the number of outputs.
        where: the field it is about.
    """
    if masks.dim() == 3 and not masks.is_floating_point() and masks.dtype != torch.bool:
        found_there = labels_begin_at_one(masks.flatten(), outputs, where=where)
        yield from (replace(finding, level="warning") for finding in found_there)


def unknown_classes(
    train: Sequence[object], val: Sequence[object], *, where: str = "validation"
) -> Iterator[Finding]:
    """Y103: validation has classes that train has not.

    Args:
        train: labels of train, all of them.
        val: labels of validation, all of them.
        where: the split.
    """
    extra = sorted(set(map(str, val)) - set(map(str, train)))
    if extra:
        yield found(
            "Y103",
            where,
            f"{len(extra)} classes never occur in train: {', '.join(extra[:5])}",
            "split again with all classes in train, or drop them; they can never be answered",
        )


def class_numbers_differ(
    train: Mapping[str, int], val: Mapping[str, int], *, where: str = "validation"
) -> Iterator[Finding]:
    """Y104: one class name has different numbers in two splits.

    Args:
        train: class name → number in train.
        val: class name → number in validation.
        where: the split.
    """
    shared = [name for name in train if name in val and train[name] != val[name]]
    if shared:
        name = shared[0]
        yield found(
            "Y104",
            where,
            f"{len(shared)} classes have another number than in train, such as {name!r}: "
            f"{train[name]} in train, {val[name]} here",
            "make one mapping from the classes of train and use it for all splits",
        )


def target_not_shifted(
    tokens: Tensor, target: Tensor, *, ignore_index: int = -100
) -> Iterator[Finding]:
    """Y105: the target that enters the loss is the input token itself.

    Args:
        tokens: `(B, T)` integers, the model's input.
        target: what entered cross entropy, `(B, T)` or `(B·T,)`.
        ignore_index: the target that does not count.
    """
    if target.numel() != tokens.numel() or tokens.numel() < 32 or tokens.dim() != 2:
        return
    flat, own = target.reshape(-1), tokens.reshape(-1)
    counted = flat != ignore_index
    if int(counted.sum()) < 32 or len(torch.unique(own[counted])) < 3:
        return
    same = float((flat[counted] == own[counted]).float().mean())
    if same > 0.98:
        yield found(
            "Y105",
            "target",
            f"{same:.1%} of the {int(counted.sum())} targets equal the input token at the same "
            "place, which the model can simply copy",
            "shift by one: inputs tokens[:, :-1], targets tokens[:, 1:]",
        )


def target_shifted_twice(
    tokens: Tensor, target: Tensor, *, ignore_index: int = -100
) -> Iterator[Finding]:
    """Y106: the target that enters the loss is the token after the next.

    Args:
        tokens: `(B, T)` integers, the model's input.
        target: what entered cross entropy, `(B, L)` or `(B·L,)` with L ≤ T.
        ignore_index: the target that does not count.
    """
    if tokens.dim() != 2 or tokens.numel() < 64 or target.numel() % tokens.shape[0]:
        return
    aimed = target.reshape(tokens.shape[0], -1)
    width = min(aimed.shape[1], tokens.shape[1] - 2)
    if width < 4 or aimed.shape[1] > tokens.shape[1]:
        return
    aimed, counted = aimed[:, :width], aimed[:, :width] != ignore_index
    if int(counted.sum()) < 32:
        return
    next_one = float((aimed == tokens[:, 1 : width + 1])[counted].float().mean())
    after_next = float((aimed == tokens[:, 2 : width + 2])[counted].float().mean())
    if after_next > 0.98 and next_one < 0.9:
        yield found(
            "Y106",
            "target",
            f"{after_next:.1%} of the targets are the token two places on, {next_one:.1%} the next: "
            "both the data and the loss (or the model) shift by one",
            "shift in one place only",
        )


def padding_counted(
    tokens: Tensor, target: Tensor, *, ignore_index: int = -100, effect: bool = True
) -> Iterator[Finding]:
    """Y107: places where input and target are both padding count in the loss.

    Args:
        tokens: `(B, T)` integers, the model's input, padded at the end.
        target: what entered cross entropy, `(B, T)` or `(B·T,)`.
        ignore_index: the target that does not count.
        effect: whether the loss was seen to move when outputs at padded places move.
    """
    if tokens.dim() != 2 or target.numel() != tokens.numel() or not effect:
        return
    lengths = valid_lengths(tokens)
    if lengths is None:
        return
    places = torch.arange(tokens.shape[1], device=tokens.device)[None, :] >= lengths[:, None]
    at_padding = target.reshape(tokens.shape)[places]
    if at_padding.numel() == 0 or bool((at_padding != at_padding[0]).float().mean() > 0.1):
        return
    counted = float((at_padding != ignore_index).float().mean())
    share = float(places.float().mean())
    if counted > 0.9 and share >= 0.15:
        value = int(at_padding.mode().values)
        yield found(
            "Y107",
            "cross_entropy",
            f"{share:.0%} of the places are padding and count in the loss, with target {value}: "
            "answering the padding is the easiest way to a low loss",
            f"give the loss ignore_index={value}, if {value} is used for padding alone",
        )


def padding_learned(share: float) -> Iterator[Finding]:
    """Y107: answers behind the end of a sequence have a gradient.

    Args:
        share: of the places that lie behind the end of their sequence.
    """
    if share >= 0.15:
        yield found(
            "Y107",
            "the loss",
            f"{share:.0%} of the places lie behind the end of their sequence, as the lengths in the "
            "batch say, and the answers there have a gradient: the network learns to answer padding",
            "compare only what is real: loss[mask].mean(), or (loss * mask).sum() / mask.sum()",
        )


def padded_places(tokens: Tensor) -> Tensor | None:
    """`(B, T)` True at trailing padding, or None where no padding is seen."""
    lengths = valid_lengths(tokens)
    if lengths is None:
        return None
    return torch.arange(tokens.shape[1], device=tokens.device)[None, :] >= lengths[:, None]


def mask_values_invented(mask: Tensor, classes: int, *, where: str = "target") -> Iterator[Finding]:
    """Y108: a float mask that a loss reads as class numbers has values between them.

    Args:
        mask: `(N, H, W)` or `(N, 1, H, W)`.
        classes: number of outputs.
        where: the field it is about.
    """
    if mask.dim() not in (3, 4) or not mask.is_floating_point() or classes < 3:
        return
    values = mask.detach()
    between = float((values != values.round()).float().mean())
    if between > 0 and 1.0 < float(values.max()) <= 255:
        yield found(
            "Y108",
            where,
            f"{between:.1%} of the mask's values lie between class numbers: it was resized with "
            "interpolation",
            "resize masks with InterpolationMode.NEAREST",
        )


def mask_values_new(before: Tensor, target: Tensor, *, where: str = "target") -> Iterator[Finding]:
    """Y108: class numbers in a mask that it had not before it was resized.

    Args:
        before: the different values of the mask before resizing, `(K,)`.
        target: `(N, H, W)` class numbers as they enter the loss.
        where: the field it is about.
    """
    if target.dim() != 3 or target.is_floating_point() or len(before) < 2:
        return
    seen = torch.unique(target).double()
    known = torch.isin(seen, before.double().to(seen.device))
    between = ~known & (seen > float(before.min())) & (seen < float(before.max()))
    if bool(known.any()) and bool((known | between).all()) and bool(between.any()):
        new = ", ".join(f"{value:.0f}" for value in seen[between][:5].tolist())
        yield found(
            "Y108",
            where,
            f"the mask had the values {', '.join(f'{v:.0f}' for v in before[:6].tolist())} before "
            f"it was resized and has {new} besides now: interpolation invents classes between "
            "classes",
            "resize masks with mode='nearest'",
        )


def one_input_two_labels(inputs: Tensor, labels: Tensor) -> Iterator[Finding]:
    """Y110: equal inputs that carry different labels.

    Args:
        inputs: `(N, ...)`.
        labels: `(N,)` class numbers.
    """
    if labels.dim() != 1 or labels.is_floating_point():
        return
    narrow = inputs[0].numel() < 8
    if narrow and not are_rarely_equal(inputs):
        return
    first: dict[bytes, int] = {}
    pairs: list[tuple[int, int]] = []
    prints = [bytes_of(row) for row in inputs.detach().cpu()]
    if narrow and max(Counter(prints).values()) > MOST_OFTEN:
        return
    for index, print_ in enumerate(prints):
        seen = first.setdefault(print_, index)
        if int(labels[seen]) != int(labels[index]):
            pairs.append((seen, index))
    if pairs:
        shown = ", ".join(f"{a} and {b}" for a, b in pairs[:3])
        yield found(
            "Y110",
            "labels",
            f"{len(pairs)} pairs of identical inputs carry different labels: samples {shown}",
            "look at these pairs and correct or drop them",
        )


def classes_unequal(labels: Sequence[object], *, where: str = "train") -> Iterator[Finding]:
    """Y112: a class 50 times as common as another, or with fewer than 5 samples.

    Args:
        labels: one class per sample, of a whole split of at least 100.
        where: the split.
    """
    counts = Counter(labels)
    if len(labels) < 100 or len(counts) < 2 or len(counts) > len(labels) // 4:
        return
    (most, high), (least, low) = counts.most_common()[0], counts.most_common()[-1]
    if high > 50 * low or low < 5:
        yield found(
            "Y112",
            where,
            f"class {most!r} has {high} samples and class {least!r} has {low}",
            "weigh the classes in the loss, use a WeightedRandomSampler, or collect more; and look "
            "at recall per class instead of accuracy",
        )
