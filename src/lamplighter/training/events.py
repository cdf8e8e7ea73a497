"""A file of TensorBoard events, written without TensorBoard.

TensorBoard's own writer is imported in 0.2 s, opens its file anew for each event and sums up its
bytes one by one in Python: about 50 µs for each step of a training. Here the events of many steps are
laid out and summed up as one array, at 3 µs each.

Source: tensorflow/core/util/event.proto, core/framework/summary.proto and core/lib/io/record_writer
(length, its masked CRC-32C, the event, its masked CRC-32C); RFC 3720 for CRC-32C.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

VERSION = b"brain.Event:2"
WIDTH = 64  # bytes in each of the strips that a long event is cut into
WALL_TIME, STEP, FILE_VERSION, GRAPH, SUMMARY, SESSION = 1, 2, 3, 4, 5, 7  # fields of Event
_numbers = itertools.count()


class EventFile:
    """Appends events to a file of its own in a run's folder; each call is in the file at its end.

    Args:
        folder: the run's.
        purge_step: what an earlier file says about this step and later ones is void.
    """

    def __init__(self, folder: Path, purge_step: int | None = None) -> None:
        began = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self.file = (folder / f"events.out.tfevents.{began}").open("ab")
        self.event(text(FILE_VERSION, VERSION))
        if purge_step is not None:
            self.event(whole(STEP, purge_step) + text(FILE_VERSION, VERSION))
            self.begin_session(purge_step)

    def event(self, fields: bytes) -> None:
        """Writes an event of these fields, with the time."""
        data = struct.pack("<Bd", WALL_TIME << 3 | 1, time.time()) + fields
        head = np.frombuffer(struct.pack("<Q", len(data)), np.uint8)
        sums = struct.pack("<I", _masked(_sum_of_one(head)))
        foot = struct.pack("<I", _masked(_sum_of_one(np.frombuffer(data, np.uint8))))
        self.file.write(head.tobytes() + sums + data + foot)
        self.file.flush()

    def summary(self, step: int, summary: bytes) -> None:
        """Writes a serialised Summary."""
        self.event(whole(STEP, step) + text(SUMMARY, summary))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes one number for each tag."""
        self.summary(step, b"".join(_scalar(tag, value) for tag, value in values.items()))

    def series(self, first: int, columns: Mapping[str, Sequence[float]]) -> None:
        """Writes numbers of consecutive steps, from step `first`: tag → one for each step."""
        with np.errstate(over="ignore"):
            values = np.array(list(columns.values())).T.astype("<f4")
        steps = np.arange(first, first + len(values))
        while len(steps):  # events of one length are one array
            shorter = 1 << 7 * len(varint(int(steps[0])))  # the first step that takes a byte more
            now = max(0, min(len(steps), shorter - int(steps[0])))
            self.file.write(_rows(list(columns), steps[:now], values[:now]).tobytes())
            steps, values = steps[now:], values[now:]
        self.file.flush()

    def graph(self, graph: bytes) -> None:
        """Writes a serialised GraphDef."""
        self.event(text(GRAPH, graph))

    def begin_session(self, step: int) -> None:
        """TensorBoard forgets what it has read of this step and later ones."""
        self.event(whole(STEP, step) + text(SESSION, whole(1, 1)))

    def close(self) -> None:
        """Nothing more comes."""
        self.file.close()


def _rows(tags: Sequence[str], steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Whole records, uint8 [N, bytes]; all steps take the same number of bytes."""
    size = len(varint(int(steps[0])))
    summary = b"".join(_scalar(tag, 0.0) for tag in tags)
    event = struct.pack("<Bd", WALL_TIME << 3 | 1, time.time())
    event += bytes([STEP << 3]) + bytes(size) + text(SUMMARY, summary)
    length = struct.pack("<Q", len(event))
    head = length + struct.pack("<I", _masked(_sum_of_one(np.frombuffer(length, np.uint8))))
    rows = np.tile(np.frombuffer(head + event + bytes(4), np.uint8), (len(steps), 1))
    at = len(head) + 10
    for place in range(size):  # seven bits each, all but the last with the eighth
        more = 0x80 if place < size - 1 else 0
        rows[:, at + place] = (steps >> (7 * place)) & 0x7F | more
    at = rows.shape[1] - 4 - len(summary)
    for number, tag in enumerate(tags):
        at += len(_scalar(tag, 0.0))
        rows[:, at - 4 : at] = values[:, number : number + 1].copy().view(np.uint8)
    sums = _masked(_sums(rows[:, len(head) : -4], np.uint32(0xFFFFFFFF)) ^ np.uint32(0xFFFFFFFF))
    rows[:, -4:] = sums.astype("<u4")[:, None].view(np.uint8)
    return rows


def _scalar(tag: str, value: float) -> bytes:
    """A Summary's value with a simple number."""
    with np.errstate(over="ignore"):  # beyond what 32 bits hold: infinity
        number = np.float32(value).astype("<f4").tobytes()
    return text(1, text(1, tag.encode()) + bytes([2 << 3 | 5]) + number)


def picture(tag: str, png: bytes, height: int, width: int) -> bytes:
    """A Summary with an RGB picture."""
    image = whole(1, height) + whole(2, width) + whole(3, 3) + text(4, png)
    return text(1, text(1, tag.encode()) + text(4, image))


def varint(number: int) -> bytes:
    """Protocol Buffers' form of a whole number of at least 0."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def whole(field: int, number: int) -> bytes:
    """A field that holds a whole number."""
    return varint(field << 3) + varint(number)


def text(field: int, content: bytes) -> bytes:
    """A field that holds bytes, a text or a message."""
    return varint(field << 3 | 2) + varint(len(content)) + content


@cache
def _table() -> np.ndarray:
    table: np.ndarray = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint32(0x82F63B78), np.uint32(0))
    return table


def _sums(rows: np.ndarray, state: np.uint32) -> np.ndarray:
    """The CRC's register after each row of uint8 [N, bytes], begun with `state`."""
    table = _table()
    found: np.ndarray = np.full(len(rows), state, np.uint32)
    for column in np.ascontiguousarray(rows.T):
        found = table[(found ^ column) & 0xFF] ^ (found >> 8)
    return found


@cache
def _over_a_strip() -> list[list[int]]:
    """What a strip of zeros makes of the register, for each of its four bytes."""
    found: np.ndarray = np.arange(256, dtype=np.uint32)[None] << np.array(
        [[0], [8], [16], [24]], np.uint32
    )
    for _ in range(WIDTH):
        found = _table()[found & 0xFF] ^ (found >> 8)
    tables: list[list[int]] = found.tolist()
    return tables


def _sum_of_one(data: np.ndarray) -> int:
    """CRC-32C of at least four bytes: strips side by side, then joined one after the other."""
    strips = np.zeros(-(-len(data) // WIDTH) * WIDTH, np.uint8)
    strips[-len(data) :] = data  # zeros in front leave an empty register as it is
    strips[-len(data) :][:4] ^= 0xFF  # the same as a register that begins with ones
    a, b, c, d = _over_a_strip()
    register = 0
    for strip in _sums(strips.reshape(-1, WIDTH), np.uint32(0)).tolist():
        register = (
            a[register & 0xFF] ^ b[register >> 8 & 0xFF] ^ c[register >> 16 & 0xFF]
            ^ d[register >> 24] ^ strip
        )  # fmt: skip
    return register ^ 0xFFFFFFFF


def _masked(crc: Any) -> Any:
    """As record files keep a sum: turned by 15 bits, and a constant added."""
    wide = crc if isinstance(crc, int) else crc.astype(np.uint64)
    return ((wide >> 15 | wide << 17) + 0xA282EAD8) & 0xFFFFFFFF
