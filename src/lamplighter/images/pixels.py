"""Decoded pictures of one size, read in batches: held as one array, or decoded as they are asked for.

Both give the same bytes for the same picture, so a run does not depend on which of them a machine
can afford.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lamplighter.errors import DataError
from lamplighter.listener import SILENT, Listener

Opener = Callable[[int], Image.Image]
Render = Callable[[Image.Image], np.ndarray]


@dataclass(frozen=True)
class Unreadable:
    """A picture that could not be decoded: its position and the reason."""

    position: int
    reason: str


class Pixels(Protocol):
    """Pictures by position.

    Attributes:
        aspects: float32 [N], width / height of each picture as it lay (upright).
    """

    aspects: Tensor

    def __len__(self) -> int: ...

    def read(self, plan: Sequence[Tensor]) -> Iterator[Tensor]:
        """For each int64 [B] of positions the uint8 pictures [B, C, H, W], in that order."""
        ...


class HeldPixels:
    """All pictures in one uint8 tensor [N, C, H, W], in memory, memory-mapped, or on the device."""

    def __init__(self, pixels_NCHW: Tensor, aspects: Tensor) -> None:
        self.pixels = pixels_NCHW
        self.aspects = aspects

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, plan: Sequence[Tensor]) -> Iterator[Tensor]:
        for positions in plan:
            yield self.pixels.index_select(0, positions.to(self.pixels.device))

    def to(self, device: torch.device) -> HeldPixels:
        """The same pictures on another device."""
        return HeldPixels(self.pixels.to(device), self.aspects)


class StreamedPixels:
    """Pictures decoded by threads a few batches ahead; nothing is kept."""

    def __init__(
        self, count: int, opener: Opener, render: Render, *, workers: int, ahead: int = 3
    ) -> None:
        self.count = count
        self.opener = opener
        self.render = render
        self.workers = max(1, workers)
        self.ahead = ahead
        self.aspects = torch.ones(count)

    def __len__(self) -> int:
        return self.count

    def unreadable(self, listener: Listener = SILENT) -> list[Unreadable]:
        """Opens every picture once and returns those that cannot be decoded.

        A bad one is then told before the training, as it is for pictures that are held.
        """
        faults: list[Unreadable] = []

        def one(position: int) -> None:
            try:
                self._open(position)
            except DataError as error:
                faults.append(Unreadable(position, error.message))

        _each(one, self.count, self.workers, "reading", listener)
        return sorted(faults, key=lambda fault: fault.position)

    def read(self, plan: Sequence[Tensor]) -> Iterator[Tensor]:
        with ThreadPoolExecutor(self.workers, thread_name_prefix="lamp-decode") as pool:
            waiting: deque[list[Future[np.ndarray]]] = deque()
            try:
                for positions in plan:
                    waiting.append([pool.submit(self._one, int(p)) for p in positions])
                    if len(waiting) > self.ahead:
                        yield _stack(waiting.popleft())
                while waiting:
                    yield _stack(waiting.popleft())
            finally:
                for futures in waiting:
                    for future in futures:
                        future.cancel()

    def _one(self, position: int) -> np.ndarray:
        return self.render(self._open(position))

    def _open(self, position: int) -> Image.Image:
        image = self.opener(position)
        self.aspects[position] = image.width / image.height
        return image


def _stack(futures: Sequence[Future[np.ndarray]]) -> Tensor:
    return torch.from_numpy(np.stack([future.result().transpose(2, 0, 1) for future in futures]))


def decode_into(
    target_NCHW: np.ndarray,
    aspects: np.ndarray,
    opener: Opener,
    render: Render,
    *,
    workers: int,
    what: str = "decoding",
    listener: Listener = SILENT,
) -> list[Unreadable]:
    """Decodes every picture once into a uint8 array [N, C, H, W].

    Args:
        target_NCHW: written in place; unreadable pictures stay 0.
        aspects: float32 [N], written in place.
        opener: position → upright picture; raises DataError.
        render: picture → uint8 [H, W, C].
        workers: threads (Pillow decodes and resizes without holding the interpreter's lock).

    Returns:
        The pictures that could not be decoded, by position.
    """
    faults: list[Unreadable] = []

    def one(position: int) -> None:
        try:
            image = opener(position)
            aspects[position] = image.width / image.height
            target_NCHW[position] = render(image).transpose(2, 0, 1)
        except DataError as error:
            faults.append(Unreadable(position, error.message))

    _each(one, len(target_NCHW), workers, what, listener)
    return sorted(faults, key=lambda fault: fault.position)


def _each(
    one: Callable[[int], None], count: int, workers: int, what: str, listener: Listener
) -> None:
    """Calls `one` for each position, by threads, under a bar."""
    with listener.bar(what, count) as bar:
        if workers <= 1:
            for position in bar.over(range(count)):
                one(position)
            return
        with ThreadPoolExecutor(workers, thread_name_prefix="lamp-decode") as pool:
            try:
                for _ in bar.over(pool.map(one, range(count))):
                    pass
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
