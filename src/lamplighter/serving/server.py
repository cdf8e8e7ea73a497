"""Listening: uvicorn with deadlines that it does not have, and a stop that finishes its work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lamplighter.errors import UsageError
from lamplighter.serving.guard import Guard
from lamplighter.serving.limits import Limits

HEADER_BYTES = 16 * 1024


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        UsageError: the address cannot be taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host.strip("[]"), port))
        opened.listen(256)
    except OSError as error:
        opened.close()
        raise UsageError(
            f"cannot listen there: {error.strerror or error}",
            where=f"{host}:{port}",
            fix="choose another --port (0 takes a free one) or --host",
        ) from error
    return opened


def run(app: Guard, opened: socket.socket, limits: Limits, ready: Callable[[], None]) -> None:
    """Serves until SIGTERM, SIGINT or `stop`; requests in progress are finished first.

    Args:
        app: from `make_app`.
        opened: from `listen`.
        limits: the same as the app's.
        ready: called once requests are answered.
    """
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what strangers send is no news
    config = uvicorn.Config(
        app,
        http=_bounded(limits),
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=limits.connections,
        backlog=256,
        timeout_keep_alive=max(1, int(limits.header_seconds)),
        timeout_graceful_shutdown=max(1, int(limits.stop_seconds)),
        h11_max_incomplete_event_size=HEADER_BYTES,
    )
    _Server(config, ready).run(sockets=[opened])


class _Server(uvicorn.Server):
    """Tells when it is ready, and ends as a server should: quietly, its work done."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but a stop that was asked for is not raised again after it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = {one: signal.signal(one, self.handle_exit) for one in wanted}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def _bounded(limits: Limits) -> type[H11Protocol]:
    """A connection that cannot be held open by doing nothing."""

    class Bounded(H11Protocol):
        """One timer at a time: for headers, or for a whole request; then it is cut off."""

        _timer: asyncio.TimerHandle | None = None
        _working = False

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._restart(limits.header_seconds)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._stop()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            working = self.cycle is not None and not self.cycle.response_complete
            if working and not self._working:
                self._working = True
                self._restart(limits.request_seconds)

        def on_response_complete(self) -> None:
            # also where the transport is closing: a client that does not read would keep it
            self._working = False
            self._restart(limits.header_seconds)
            super().on_response_complete()
            if self.cycle is not None and not self.cycle.response_complete:
                self._working = True  # a pipelined request has begun
                self._restart(limits.request_seconds)

        def _restart(self, seconds: float) -> None:
            self._stop()
            self._timer = self.loop.call_later(seconds, self._cut)

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _cut(self) -> None:
            if self.transport is not None:
                self.transport.abort()

    return Bounded
