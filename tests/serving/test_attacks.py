"""What strangers send: every attack ends in a short refusal, and the server goes on answering."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator

import pytest

from .conftest import LIMITS, Served, picture, read_reply


@pytest.fixture(autouse=True)
def still_answers(server: Served) -> Iterator[None]:
    """After each attack a good request is answered, and memory has not grown without bound."""
    yield
    reply = server.ask("POST", "/predict", picture())
    assert reply.status == 200, reply
    assert server.process.poll() is None
    assert server.memory() < 1 << 30


def host(server: Served) -> str:
    return f"Host: 127.0.0.1:{server.port}\r\n"


def closes_within(line: socket.socket, seconds: float) -> bool:
    """Whether the other side ends the connection; what it says before is thrown away."""
    line.settimeout(seconds)
    try:
        while line.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def test_a_body_declared_too_large_is_refused_unread(server: Served) -> None:
    """413 for the Content-Length alone; not one byte of 10 GB has to be sent."""
    with server.connect() as line:
        line.sendall(
            f"POST /predict HTTP/1.1\r\n{host(server)}Content-Length: 10000000000\r\n\r\n".encode()
        )
        reply = read_reply(line)
    assert (reply.status, reply.json["error"]["kind"]) == (413, "too large")
    assert reply.headers["connection"] == "close"


def test_a_chunked_body_without_end_is_cut_at_the_cap(server: Served) -> None:
    """413 as soon as the cap is passed, though no length was declared."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with server.connect() as line:
        line.sendall(
            f"POST /predict HTTP/1.1\r\n{host(server)}Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        try:
            for _ in range(20):
                line.sendall(chunk)
        except ConnectionError:
            pass
        else:
            assert read_reply(line).status == 413


def test_headers_that_drip_are_cut_off(server: Served) -> None:
    """A byte now and then does not keep a connection: the deadline is for all headers."""
    with server.connect() as line:
        line.sendall(b"GET / HTTP/1.1\r\nX-Drip: ")
        started = time.monotonic()
        try:
            while time.monotonic() - started < 10:
                line.sendall(b"a")
                time.sleep(0.2)
        except ConnectionError:
            return
    pytest.fail("the connection was still open")


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_idle_and_half_requests_are_cut_off(server: Served, sent: bytes) -> None:
    """A connection that says nothing, or half of something, is ended."""
    with server.connect() as line:
        line.sendall(sent)
        assert closes_within(line, 10)


def test_an_idle_connection_after_an_answer_is_cut_off(server: Served) -> None:
    """Keep-alive is not for ever."""
    with server.connect() as line:
        line.sendall(f"GET /health HTTP/1.1\r\n{host(server)}\r\n".encode())
        assert read_reply(line).status == 200
        assert closes_within(line, 10)


def test_a_body_that_drips_is_refused(server: Served) -> None:
    """408 when the body does not come, whatever dribbles in."""
    with server.connect() as line:
        line.sendall(
            f"POST /predict HTTP/1.1\r\n{host(server)}Content-Length: 5000\r\n\r\n".encode()
        )
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.2):
                try:
                    line.sendall(b"x")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            reply = read_reply(line)
        finally:
            stop.set()
            dripping.join()
    assert (reply.status, reply.json["error"]["kind"]) == (408, "timeout")


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + "a" * 40_000 + "\r\n\r\n",
        "GET /" + "a" * 40_000 + " HTTP/1.1\r\nHost: x\r\n\r\n",
        "".join(f"X-{i}: y\r\n" for i in range(5000)),
        "\x16\x03\x01\x02\x00 this is TLS\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
    ids=["long header", "long path", "many headers", "TLS", "two hosts", "no host", "space",
         "negative length", "two lengths", "bad chunk"],
)  # fmt: skip
def test_what_is_no_sound_http_is_refused(server: Served, head: str) -> None:
    """A refusal or the end of the connection; never an answer, never a traceback."""
    with server.connect() as line:
        try:
            line.sendall(head.encode("latin-1"))
        except ConnectionError:
            return
        reply = read_reply(line)
    assert reply.status in (0, 400, 421, 431), reply
    assert b"Traceback" not in reply.body


def test_a_refusal_does_not_wait_for_more(server: Served) -> None:
    """Once the body is whole its refusal comes at once, without reading on for what cannot come."""
    from lamplighter.serving.body import DRAIN_SECONDS

    started = time.monotonic()
    for _ in range(3):
        assert server.ask("POST", "/predict", b"no picture").status == 400
    # three waits would be three times as long, however busy the machine
    assert time.monotonic() - started < 3 * DRAIN_SECONDS


def test_two_lengths_do_not_smuggle_a_second_request(server: Served) -> None:
    """Length and chunks at once: one answer at most for what an intermediary may read as one."""
    inner = f"GET /model HTTP/1.1\r\n{host(server)}\r\n".encode()
    with server.connect() as line:
        line.sendall(
            f"POST /predict HTTP/1.1\r\n{host(server)}Content-Length: {5 + len(inner)}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode() + inner
        )  # fmt: skip
        line.settimeout(10)
        content = b""
        try:
            while piece := line.recv(65536):
                content += piece
        except (ConnectionError, TimeoutError):
            pass
    assert b'"classes"' not in content
    assert content.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize(
    "name", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "192.168.1.1", "[", ""]
)
def test_other_hosts_are_refused(server: Served, name: str) -> None:
    """A page whose name was rebound to this machine gets nothing, not even the page."""
    for path in ("/", "/model", "/health"):
        reply = server.ask("GET", path, Host=name)
        assert reply.status in (400, 421)
        assert b"classes" not in reply.body


def test_pages_of_other_sites_are_refused(server: Served) -> None:
    """A stranger's page in the user's browser may not ask, even where it cannot read the answer."""
    body = picture()
    assert server.ask("POST", "/predict", body, Origin="https://evil.example").status == 403
    assert server.ask("POST", "/predict", body, Origin="null").status == 403
    assert server.ask("POST", "/predict", body, Sec_Fetch_Site="cross-site").status == 403
    own = f"http://127.0.0.1:{server.port}"
    assert server.ask("POST", "/predict", body, Origin=own).status == 200


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it holds so many pixels, all black."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )  # fmt: skip

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(b"\0" * (1 + width // 8)) for _ in range(min(height, 2000)))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = rows + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def test_a_decompression_bomb_is_not_unpacked(server: Served) -> None:
    """A small file of a huge picture is refused by its header, without the memory it asks for."""
    before = server.memory()
    for size in ((100_000, 100_000), (13_000, 13_000), (2001, 2000)):
        reply = server.ask("POST", "/predict", bomb(*size))
        assert reply.status == 400
        assert "pixels" in reply.json["error"]["message"]
    assert server.memory() - before < 100 << 20


def test_mutated_pictures_are_answered_or_refused(server: Served) -> None:
    """Cut and changed files of several formats: 200 or 400, always JSON, never a traceback."""
    kinds = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
    for n, kind in enumerate(kinds):
        whole = bytearray(picture(n, kind=kind))
        for cut in (0, 7, len(whole) // 3, len(whole) - 3):
            changed = bytearray(whole[:cut]) if n % 2 else whole[:cut] + b"\xff" * 9 + whole[cut:]
            reply = server.ask("POST", "/predict", bytes(changed))
            assert reply.status in (200, 400), (kind, cut)
            assert "Traceback" not in json.dumps(reply.json)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"pictures": ' + b"[" * 200_000,
        b'{"pictures": []}',
        b'{"pictures": ["%%%"]}',
        b'{"pictures": "AAAA"}',
        b'{"pictures": [1]}',
        b"[]",
        b"null",
        b"\xff\xfe",
        b"",
        b'{"pictures": ' + json.dumps(["AAAA"] * 9).encode() + b"}",
    ],
)
def test_bad_batches_are_refused(server: Served, body: bytes) -> None:
    """Nested, endless, wrong or too many: 400 with what was expected."""
    reply = server.ask("POST", "/predict/batch", body)
    assert reply.status == 400
    assert "expected" in reply.json["error"]["message"]


def test_forms_compression_models_and_other_methods_are_refused(
    server: Served, model_file: object
) -> None:
    """No forms, no compressed bodies, no upload of models, nothing but the listed paths."""
    from pathlib import Path

    body = picture()
    assert server.ask("POST", "/predict", body, Content_Type="multipart/form-data").status == 415
    assert server.ask("POST", "/predict", body, Content_Encoding="gzip").status == 415
    weights = Path(str(model_file)).read_bytes()[: LIMITS["body"] - 1]  # type: ignore[operator]
    assert server.ask("POST", "/predict", weights).status == 400
    assert server.ask("PUT", "/model", weights).status == 405
    for method in ("TRACE", "OPTIONS", "DELETE", "PATCH", "CONNECT"):
        assert server.ask(method, "/predict").status == 405
    for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/x", "//model", "/docs"):
        reply = server.ask("GET", path)
        assert reply.status == 404
        assert b"root:" not in reply.body


def test_clients_that_hang_up_leave_nothing_behind(server: Served) -> None:
    """Many half bodies, each dropped: their bytes are given back, or the budget would be used up."""
    head = f"POST /predict HTTP/1.1\r\n{host(server)}Content-Length: 1000000\r\n\r\n".encode()
    for _ in range(30):
        with server.connect() as line:
            line.sendall(head + b"x" * 500_000)
    assert server.ask("POST", "/predict", picture(1)).status == 200


def test_a_client_that_does_not_read_is_cut_off(server: Served) -> None:
    """Asking for page after page and reading none does not hold the connection."""
    ask = f"GET / HTTP/1.1\r\n{host(server)}\r\n".encode()
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", server.port))
        line.settimeout(0.5)
        started = time.monotonic()
        while time.monotonic() - started < 60:
            try:
                line.sendall(ask)
            except TimeoutError:
                continue  # its buffers are full: now it waits for us to read
            except ConnectionError:
                return
    pytest.fail("the connection was still open")


def test_more_pictures_than_places_are_told_to_come_again(server: Served) -> None:
    """With every place taken the answer is 503 with Retry-After, and the taken ones are answered."""
    batch = json.dumps(
        {
            "pictures": [
                base64.b64encode(picture(i, (1500, 1000), "JPEG")).decode() for i in range(8)
            ]
        }
    ).encode()
    assert len(batch) < LIMITS["body"]  # type: ignore[operator]
    found: list[int] = []
    waits: list[str] = []

    def ask() -> None:
        reply = server.ask("POST", "/predict/batch", batch)
        found.append(reply.status)
        if reply.status == 503:
            waits.append(reply.headers["retry-after"])

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {200, 503}
    assert set(waits) == {"1"}


def test_a_crowd_of_slow_clients_does_not_keep_others_out(server: Served) -> None:
    """Sixty clients that stall in headers and bodies; everybody else is answered meanwhile."""
    lines = []
    try:
        for n in range(60):
            line = server.connect()
            lines.append(line)
            if n % 3 == 0:
                line.sendall(b"POST /predict HTTP/1.1\r\nHost")
            elif n % 3 == 1:
                line.sendall(
                    f"POST /predict HTTP/1.1\r\n{host(server)}Content-Length: 9000\r\n\r\nab".encode()
                )
        for n in range(10):
            assert server.ask("POST", "/predict", picture(n)).status == 200
        assert all(closes_within(line, 15) for line in lines)
    finally:
        for line in lines:
            line.close()


def test_more_connections_than_allowed_are_turned_away(server: Served) -> None:
    """Beyond the limit a request gets 503; once the others are gone, it is served again."""
    lines = [server.connect() for _ in range(int(LIMITS["connections"]) + 10)]
    try:
        assert server.ask("GET", "/health").status in (0, 503)
    finally:
        for line in lines:
            line.close()
    time.sleep(0.3)
