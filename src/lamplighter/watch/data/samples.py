"""What the first walk over a loader gave, in a few kilobytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import torch

from lamplighter.checks.batches import is_dense, tensors_in
from lamplighter.checks.finding import Finding
from lamplighter.checks.splits import MOST_OFTEN, are_rarely_equal, fingerprints

ENOUGH_SAMPLES = 4096
ENOUGH_BYTES = 32 * 2**20
WIDE, FEWEST_NUMBERS = 64, 8  # columns of a table, and numbers other than 0 in a row that tells
_NUMBERS = count()


@dataclass(eq=False)
class Samples:
    """Digests and labels of the samples that came first; the tensors themselves are let go.

    Args:
        prints: a digest per sample.
        labels: a class number per sample, in the order given; empty where there are none.
        of_pictures: whether the inputs have the shape of pictures.
        whole_first_pass: whether every sample of the walk was taken.
        telling: whether two equal samples can hardly be chance.
        rare: the same by how few values its columns share; a sample that comes often is none then.
        bare: whether a batch was its inputs alone: what has no targets is not scored.
    """

    prints: list[bytes] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    of_pictures: bool = False
    whole_first_pass: bool = True
    telling: bool = False
    rare: bool = False
    bare: bool = False
    _bytes: int = 0

    def take(self, inputs: torch.Tensor | None, labels: torch.Tensor | None) -> None:
        """Adds a batch, until enough is known.

        Args:
            inputs: `(B, …)`, or None.
            labels: `(B,)` class numbers, or None.
        """
        if inputs is None or len(self.prints) >= ENOUGH_SAMPLES or self._bytes >= ENOUGH_BYTES:
            self.whole_first_pass = False
            return
        self.telling = are_telling(inputs)
        self.rare = self.rare or are_rarely_equal(inputs)
        self._bytes += inputs.numel() * inputs.element_size()
        is_wide = inputs.dim() == 2 and inputs.shape[1] >= WIDE
        self.prints += telling_prints(inputs) if is_wide else fingerprints(inputs)
        self.of_pictures = inputs.dim() == 4
        if labels is not None and len(labels) == len(inputs):
            self.labels += [int(label) for label in labels.tolist()]

    def counts(self) -> dict[Any, int]:
        """Digest → how often it came."""
        return dict(Counter(self.prints))

    def one_class(self) -> bool:
        """Whether all labels of a fair number of samples are the same."""
        return len(self.labels) >= 32 and len(set(self.labels)) == 1

    def varied(self) -> bool:
        """Whether an equal sample elsewhere would mean something: most differ among themselves."""
        return self.telling and len(set(self.prints)) > len(self.prints) // 2

    def contradictions(self) -> Iterator[Finding]:
        """Equal inputs with different labels, within one batch or across batches."""
        if len(self.labels) != len(self.prints) or not (self.telling or self.rare):
            return
        often = max(Counter(self.prints).values())
        if often == len(self.prints):
            return  # all inputs are alike (D101): that is another mistake
        if not self.telling and often > MOST_OFTEN:
            return
        first: dict[bytes, int] = {}
        clashes = [
            (first[print_], label)
            for print_, label in zip(self.prints, self.labels, strict=True)
            if first.setdefault(print_, label) != label
        ]
        if clashes and len(clashes) > 0.005 * len(self.labels):
            yield Finding(
                "Y110",
                "error"
                if self.of_pictures and len(clashes) >= 0.2 * len(self.labels)
                else "warning",
                "labels",
                f"{len(clashes)} of {len(self.labels)} samples are identical to another sample "
                "that carries a different label",
                "look whether two classes are read from the same folder",
            )


def are_telling(inputs: torch.Tensor) -> bool:
    """Whether two equal samples can hardly be chance: eight numbers and more, no few tokens."""
    wide = inputs.dim() > 1 and inputs[0].numel() >= 8
    return wide and (inputs.is_floating_point() or inputs.dim() == 4)


def telling_prints(inputs: torch.Tensor) -> list[bytes]:
    """A digest of each sample; one of its own for a row of a wide table that has next to no numbers.

    Short texts, counted by word, are soon alike though they are different texts.
    """
    prints = fingerprints(inputs)
    if inputs.dim() == 2 and inputs.is_floating_point() and inputs.shape[1] >= WIDE:
        few = ((inputs != 0).sum(1) < FEWEST_NUMBERS).nonzero().flatten().tolist()
        for index in few if len(few) < len(inputs) else ():
            prints[index] = b"%d" % next(_NUMBERS)
    return prints


def are_classes(labels: list[int]) -> bool:
    """Whether numbers may be classes: two at least, and several samples to each."""
    return 1 < len(set(labels)) <= max(2, len(labels) // 4)


def contradictions_in(inputs: torch.Tensor, labels: torch.Tensor) -> Iterator[Finding]:
    """Equal inputs with different labels, among samples that were read.

    Args:
        inputs: `(N, …)`.
        labels: `(N,)` class numbers.
    """
    seen = Samples()
    seen.take(inputs, labels)
    yield from seen.contradictions()


def targets_in(batch: Any) -> list[torch.Tensor]:
    """The tensors of a batch but the first: mostly what answers are held against."""
    return list(tensors_in(batch))[1:]


def is_among(values: torch.Tensor, several: list[torch.Tensor]) -> bool:
    """Whether a tensor has the numbers of one of several, perhaps in another shape or kind."""
    flat = values.detach().flatten()
    fitting = [t.detach().flatten() for t in several if t.numel() == flat.numel()]
    return any(torch.equal(t.to(flat.device, flat.dtype), flat) for t in fitting)


def parts_of(batch: Any) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Inputs and class numbers of a batch, where they can be told.

    Args:
        batch: what the loader gave: a pair, a longer sequence, a dictionary, or a tensor.

    Returns:
        The first tensor that has a batch dimension, and the first `(B,)` integer tensor after it.
    """
    if isinstance(batch, torch.Tensor):
        return (batch if is_dense(batch) and batch.dim() else None), None
    if isinstance(batch, dict):
        things = list(batch.values())
    elif isinstance(batch, list | tuple):
        things = list(batch)
    else:
        return None, None
    tensors = [
        t
        for t in things  # asked at every batch: no call of `is_dense`
        if isinstance(t, torch.Tensor) and t.layout is torch.strided and t.dim() and not t.is_nested
    ]
    if not tensors:
        return None, None
    inputs = tensors[0]
    for other in tensors[1:]:
        is_index = not other.is_floating_point() and not other.is_complex()
        if is_index and other.dim() == 1 and len(other) == len(inputs):
            return inputs, other
    return inputs, None
