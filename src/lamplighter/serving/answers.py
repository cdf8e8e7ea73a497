"""From bytes to an answer: decoded in threads under limits, answered together by the network."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lamplighter.errors import DataError
from lamplighter.images.decode import read_picture
from lamplighter.machine import cores
from lamplighter.predict import Model
from lamplighter.serving.limits import Limits
from lamplighter.serving.refusal import Refusal

LARGE = 8_000_000  # pixels; above, pictures are decoded one at a time
Explain = Callable[[np.ndarray], bytes]
Waiting = tuple[np.ndarray, "asyncio.Future[torch.Tensor]"]


@dataclass(frozen=True)
class Answered:
    """An answer as JSON has it, and the picture as the network saw it."""

    document: dict[str, Any]
    square: np.ndarray


class Answers:
    """Answers pictures; to be made and used within one event loop.

    While the network works on some pictures, others gather and are then answered in one go: a
    lone request waits for nobody, many at a time share the network's overhead.

    Args:
        model: answers.
        limits: of queue, pixels and time.
        explain: uint8 [S, S, C] → JPEG with the heat map; None where there is none.
        top: classes told for each.
    """

    def __init__(
        self, model: Model, limits: Limits, explain: Explain | None = None, *, top: int = 5
    ) -> None:
        self.model = model
        self.limits = limits
        self.explain = explain
        self.top = top
        self.together = min(limits.together, _worth_together(model))
        self.busy = 0
        self.batches = 0
        self.answered = 0
        self._decoders = ThreadPoolExecutor(cores(), thread_name_prefix="lamp-decode")
        self._network = ThreadPoolExecutor(1, thread_name_prefix="lamp-network")
        self._one_large = threading.Lock()
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    async def answer(self, content: bytes) -> Answered:
        """The answer for one encoded picture.

        Raises:
            Refusal: 400 no picture, 503 too many waiting or too slow.
        """
        self.enter(1)
        try:
            return await self._within(self._answer(content))
        except DataError as error:
            raise Refusal(400, error.message) from None
        finally:
            self.busy -= 1

    async def answer_all(self, contents: list[bytes]) -> list[dict[str, Any]]:
        """Answers for several pictures; one that cannot be read gives its reason, alone."""
        self.enter(len(contents))
        try:
            jobs = [self._answer(content) for content in contents]
            found = await self._within(asyncio.gather(*jobs, return_exceptions=True))
        finally:
            self.busy -= len(contents)
        documents: list[dict[str, Any]] = []
        for one in found:
            if isinstance(one, DataError):
                documents.append({"error": one.message})
            elif isinstance(one, BaseException):
                raise one
            else:
                documents.append(one.document)
        return documents

    def enter(self, pictures: int) -> None:
        """Takes places in the queue; the caller gives them back.

        Raises:
            Refusal: there are not so many left.
        """
        if self.busy + pictures > self.limits.waiting:
            raise Refusal(503, "too many pictures are waiting; try again in a moment")
        self.busy += pictures

    async def heat(self, square: np.ndarray) -> str | None:
        """Where the network looked, as a data: address of a JPEG; None where nothing can be shown."""
        if self.explain is None:
            return None
        loop = asyncio.get_running_loop()
        try:
            content = await self._within(loop.run_in_executor(self._network, self.explain, square))
        except DataError:
            return None
        return "data:image/jpeg;base64," + base64.b64encode(content).decode()

    def warm_up(self) -> None:
        """Answers for an empty picture once, so that the first person does not wait for it."""
        preprocess = self.model.artifact.preprocess
        assert preprocess is not None
        size = preprocess.size
        self._logits(np.zeros((1, size, size, preprocess.channels), np.uint8))

    def close(self) -> None:
        """Ends the threads; what is waiting is dropped."""
        if self._worker is not None:
            self._worker.cancel()
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self._network.shutdown(wait=False, cancel_futures=True)

    async def _within(self, work: Any) -> Any:
        try:
            async with asyncio.timeout(self.limits.answer_seconds):
                return await work
        except TimeoutError:
            raise Refusal(503, "the answer took too long; try again in a moment") from None

    async def _answer(self, content: bytes) -> Answered:
        loop = asyncio.get_running_loop()
        square = await loop.run_in_executor(self._decoders, self._decode, content)
        if self._worker is None or self._worker.done():
            self._worker = loop.create_task(self._work())
        future: asyncio.Future[torch.Tensor] = loop.create_future()
        self._queue.put_nowait((square, future))
        logits_K = await future
        document = self.model.answers(logits_K[None], [""], self.top)[0].as_json()
        del document["path"]
        return Answered(document, square)

    def _decode(self, content: bytes) -> np.ndarray:
        preprocess = self.model.artifact.preprocess
        assert preprocess is not None
        draft = preprocess.smallest_useful()
        try:
            picture = read_picture(content, max_pixels=min(LARGE, self.limits.pixels), draft=draft)
        except DataError:
            # too large for many at a time, or broken, which the second reading says again
            with self._one_large:
                picture = read_picture(content, max_pixels=self.limits.pixels, draft=draft)
                return self.model.square(picture)
        return self.model.square(picture)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            some = [await self._queue.get()]
            while len(some) < self.together and not self._queue.empty():
                some.append(self._queue.get_nowait())
            wanted = [(square, future) for square, future in some if not future.done()]
            if not wanted:
                continue
            stack_BHWC = np.stack([square for square, _ in wanted])
            try:
                logits_BK = await loop.run_in_executor(self._network, self._logits, stack_BHWC)
            except Exception as error:  # each of them is told; the server goes on
                for _, future in wanted:
                    if not future.done():
                        future.set_exception(error)
                continue
            self.batches += 1
            self.answered += len(wanted)
            for (_, future), logits_K in zip(wanted, logits_BK, strict=True):
                if not future.done():
                    future.set_result(logits_K)

    def _logits(self, stack_BHWC: np.ndarray) -> torch.Tensor:
        return self.model.logits(torch.from_numpy(stack_BHWC.transpose(0, 3, 1, 2).copy()))


def _worth_together(model: Model) -> int:
    """How many pictures in one go are cheaper than one by one.

    On a CPU large pictures in large batches leave its caches: mobilenet_v2 at 224 pixels took
    15 ms a picture alone, 13 in fours, 28 in sixteens and 34 in thirty-twos (one thread).
    """
    if model.device.type != "cpu" or model.artifact.preprocess is None:
        return 1024
    return max(4, int(4 * (224 / model.artifact.preprocess.size) ** 2))
