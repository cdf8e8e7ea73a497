"""Reading a request's body piece by piece: never more than allowed, never longer than allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from lamplighter.serving.limits import Limits
from lamplighter.serving.refusal import Refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
DRAIN_SECONDS = 3.0


class ClientGoneError(Exception):
    """The client closed the connection; nobody is left to answer."""


class Bodies:
    """The bodies being received at a time, and how many bytes they hold together."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.held = 0

    async def read(self, receive: Receive, declared: int | None) -> bytes:
        """One body.

        Args:
            receive: of ASGI.
            declared: the request's Content-Length, None where it is sent in chunks.

        Raises:
            Refusal: 413 too large, 503 too much at a time, 408 too slow.
            ClientGoneError: it went away before the end.
        """
        if declared is not None and declared > self.limits.body:
            raise self._too_large()
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                return await self._read(receive)
        except TimeoutError:
            raise Refusal(
                408, f"the body did not arrive within {self.limits.body_seconds:g} seconds"
            ) from None

    async def _read(self, receive: Receive) -> bytes:
        pieces: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                piece = message.get("body", b"")
                size += len(piece)
                self.held += len(piece)
                if size > self.limits.body:
                    raise self._too_large()
                if self.held > self.limits.bodies:
                    raise Refusal(503, "too many large requests at a time; try again in a moment")
                if piece:
                    pieces.append(piece)
                if not message.get("more_body", False):
                    return b"".join(pieces)
        finally:
            self.held -= size

    async def drain(self, receive: Receive) -> None:
        """Reads on for a moment and throws away, so that a refusal is not lost in a reset."""
        left = self.limits.drain
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return

    def _too_large(self) -> Refusal:
        return Refusal(413, f"a request may hold {self.limits.body / 2**20:g} MiB")
