"""How much of anything one server gives away."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds that keep one client, or two hundred slow ones, from taking the server.

    Args:
        body: bytes of one request; beyond, 413.
        bodies: bytes of all requests being received at a time; beyond, 503.
        pixels: width × height of one picture; beyond, 400.
        waiting: pictures being decoded or waiting for the network; beyond, 503.
        together: pictures that the network answers in one go.
        batch: pictures in one request to /predict/batch.
        connections: open at a time; beyond, 503.
        header_seconds: for a request's line and headers, and for an idle connection's next one.
        body_seconds: for the whole body.
        answer_seconds: from the body's end to the answer.
        write_seconds: for the client to take the answer.
        drain: bytes of a refused body that are still read, so that the refusal arrives.
        stop_seconds: for requests in progress when the server is asked to stop.
    """

    body: int = 32 * 1024 * 1024
    bodies: int = 256 * 1024 * 1024
    pixels: int = 64_000_000
    waiting: int = 64
    together: int = 32
    batch: int = 32
    connections: int = 512
    header_seconds: float = 10.0
    body_seconds: float = 20.0
    answer_seconds: float = 30.0
    write_seconds: float = 20.0
    drain: int = 64 * 1024 * 1024
    stop_seconds: float = 10.0

    @property
    def request_seconds(self) -> float:
        """The longest that one request may last, from its headers to its last byte."""
        return self.body_seconds + self.answer_seconds + self.write_seconds
