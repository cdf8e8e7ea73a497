"""The door: who may ask, and what every answer carries. Everything else stands behind it."""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from lamplighter.listener import SILENT, Listener
from lamplighter.serving.body import Bodies, Message, Receive
from lamplighter.serving.refusal import Refusal

Send = Callable[[Message], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]
OPEN = frozenset(["/", "/health", "/openapi.json"])  # say nothing about the model
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]


class Guard:
    """Wraps the app.

    Args:
        app: what answers.
        names: hosts that requests may name, lower case and without port.
        any_address: literal addresses are let through, too (a browser that was tricked into
            resolving a stranger's name to this machine sends the name, never an address).
        token: what `Authorization: Bearer` must carry; empty asks for none.
        policy: the Content-Security-Policy of every answer.
        bodies: drains what a refused request still sends.
        listener: hears of faults of our own.
    """

    def __init__(
        self,
        app: App,
        *,
        names: Iterable[str],
        any_address: bool,
        token: str,
        policy: str,
        bodies: Bodies,
        listener: Listener = SILENT,
    ) -> None:
        self.app = app
        self.names = frozenset(names)
        self.any_address = any_address
        self.token = token
        self.headers = [*HEADERS, (b"content-security-policy", policy.encode())]
        self.bodies = bodies
        self.listener = listener

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] != "http":
            return
        started = False

        async def sealed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", []), *self.headers]
            await send(message)

        ended = False

        async def once(source: Receive = receive) -> Message:
            # after the body's end nothing comes but the client's farewell: nobody waits for it
            nonlocal ended
            if ended:
                return {"type": "http.disconnect"}
            message = await source()
            ended = not message.get("more_body", False)
            return message

        receive = once
        try:
            self.admit(scope)
            await self.app(scope, receive, sealed)
        except Refusal as refusal:  # of `admit`; the app answers its own
            await self._refuse(refusal, scope, receive, sealed)
        except Exception as error:
            self.listener.warn(f"a request failed: {type(error).__name__}: {error}"[:500])
            if not started:
                fault = Refusal(500, "something went wrong here; the server's log says what")
                await self._refuse(fault, scope, receive, sealed)

    def admit(self, scope: dict[str, Any]) -> None:
        """Lets a request in.

        Raises:
            Refusal: a host that is not ours, another site's page, or no token.
        """
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, value)
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._is_ours(host):
            raise Refusal(421, "this server does not go by that name; --allow-host NAME adds one")
        origin = headers.get(b"origin", b"").decode("latin-1")
        foreign = bool(origin) and urlsplit(origin).netloc.lower() != host.lower()
        if foreign or headers.get(b"sec-fetch-site", b"") == b"cross-site":
            raise Refusal(403, "pages of other sites may not ask here")
        if self.token and scope["path"] not in OPEN:
            given = headers.get(b"authorization", b"")
            if not hmac.compare_digest(given, b"Bearer " + self.token.encode()):
                raise Refusal(401, "expected the header Authorization: Bearer TOKEN")

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self.names:
            return True
        if not self.any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    async def _refuse(
        self, refusal: Refusal, scope: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await self.bodies.drain(receive)
        content = json.dumps(refusal.as_json()).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            *((name.encode(), value.encode()) for name, value in refusal.headers().items()),
        ]
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def names_of(host: str, extra: Iterable[str]) -> tuple[frozenset[str], bool]:
    """The hosts that requests may name when the server listens on `host`, and whether any address.

    Args:
        host: what the server binds.
        extra: names that the person adds.
    """
    names = {"localhost", "127.0.0.1", "::1", *(name.lower().strip("[]") for name in extra)}
    if is_loopback(host):
        return frozenset(names), False
    return frozenset({*names, host.lower(), socket.gethostname().lower()}), True


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
