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
from lamplighter.images.crew import HANDED_OVER as HANDED_TO_CREW
from lamplighter.images.crew import Crew
from lamplighter.listener import SILENT, Listener

HANDED_OVER = 16  # pictures that a thread is given at once
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
        aspects: float32 [N], width / height of each picture as it lay (upright); where the pictures are.
    """

    aspects: Tensor

    def __len__(self) -> int: ...

    def read(self, plan: Sequence[Tensor]) -> Iterator[Tensor]:
        """For each int64 [B] of positions the uint8 pictures [B, C, H, W], in that order."""
        ...


class HeldPixels:
    """All pictures in one uint8 tensor [N, C, H, W], in memory, memory-mapped, or on the device.

    Those that are decoded here lie as N × H × W × C, which is how decoders give them, how
    `channels_last` networks take them, and what makes cutting them a copy of whole rows.
    """

    def __init__(self, pixels_NCHW: Tensor, aspects: Tensor) -> None:
        self.pixels = pixels_NCHW
        self.aspects = aspects
        rows = pixels_NCHW.permute(0, 2, 3, 1)
        self._rows = rows if rows.is_contiguous() else None

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, plan: Sequence[Tensor]) -> Iterator[Tensor]:
        if plan and self.pixels.device.type != "cpu":
            # at once: a copy for each batch would wait until the device has done what is queued
            whole = torch.cat(list(plan)).to(self.pixels.device)
            plan = whole.split([len(positions) for positions in plan])
        for positions in plan:
            if self._rows is not None:
                yield self._rows.index_select(0, positions).permute(0, 3, 1, 2)
            else:
                yield self.pixels.index_select(0, positions)

    def to(self, device: torch.device) -> HeldPixels:
        """The same pictures, and their aspects, on another device."""
        return HeldPixels(self.pixels.to(device), self.aspects.to(device))


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
        """Decodes every picture once and returns those with which that fails.

        A bad one is then told before the training, as it is for pictures that are held.
        """
        faults: list[Unreadable] = []

        def some(positions: range) -> None:
            for position in positions:
                try:
                    self._one(position)  # a mode that cannot be converted is met here as well
                except DataError as error:
                    faults.append(Unreadable(position, error.message))

        _each(some, self.count, self.workers, HANDED_OVER, "reading", listener)
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
    return torch.from_numpy(np.stack([future.result() for future in futures])).permute(0, 3, 1, 2)


def decode_into(
    target_NHWC: np.ndarray,
    aspects: np.ndarray,
    opener: Opener,
    render: Render,
    *,
    workers: int,
    crew: Crew | None = None,
    listener: Listener = SILENT,
) -> list[Unreadable]:
    """Decodes every picture once into a uint8 array [N, H, W, C].

    Args:
        target_NHWC: written in place; unreadable pictures stay 0.
        aspects: float32 [N], written in place.
        opener: position → upright picture; raises DataError.
        render: picture → uint8 [H, W, C].
        workers: threads (Pillow decodes and resizes without holding the interpreter's lock).
        crew: processes that do it in place of the threads, as long as they live.

    Returns:
        The pictures that could not be decoded, by position.
    """
    faults: list[Unreadable] = []

    def one(position: int) -> None:
        try:
            image = opener(position)
            aspects[position] = image.width / image.height
            target_NHWC[position] = render(image)
        except DataError as error:
            faults.append(Unreadable(position, error.message))

    def some(positions: range) -> None:
        told = crew.decode(positions, aspects) if crew is not None else None
        if told is not None:
            faults.extend(Unreadable(position, reason) for position, reason in told)
            return
        for position in positions:
            one(position)

    size = HANDED_OVER if crew is None else HANDED_TO_CREW
    _each(some, len(target_NHWC), workers, size, "decoding", listener)
    return sorted(faults, key=lambda fault: fault.position)


def _each(
    some: Callable[[range], None],
    count: int,
    workers: int,
    size: int,
    what: str,
    listener: Listener,
) -> None:
    """Calls `some` for all positions, at most `size` at a time, by threads, under a bar."""
    with listener.bar(what, count) as bar:
        if workers <= 1:
            for position in bar.over(range(count)):
                some(range(position, position + 1))
            return

        def done(positions: range) -> range:
            some(positions)
            return positions

        # handing over costs as much as a small picture: a few at a time
        size = max(1, min(size, count // (4 * workers)))
        parts = [range(begin, min(begin + size, count)) for begin in range(0, count, size)]
        with ThreadPoolExecutor(workers, thread_name_prefix="lamp-decode") as pool:
            try:
                for _ in bar.over(p for part in pool.map(done, parts) for p in part):
                    pass
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
