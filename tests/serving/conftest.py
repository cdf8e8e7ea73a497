"""A small model behind a real server in a process of its own, with short deadlines."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lamplighter.artifact import Artifact, save_artifact
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.architecture import Architecture
from lamplighter.models.build import rebuild
from lamplighter.predict import Model, load

HOSTILE = ("<script>alert(1)</script>", "plain", "\u202e'\"&")
LIMITS = {
    "body": 1 << 20, "bodies": 6 << 20, "pixels": 4_000_000, "waiting": 8, "batch": 8,
    "connections": 150, "header_seconds": 1.0, "body_seconds": 1.5, "answer_seconds": 6.0,
    "write_seconds": 1.5, "stop_seconds": 10.0, "drain": 4 << 20,
}  # fmt: skip
PROGRAM = """
import json, sys
from lamplighter.handover import heat_of
from lamplighter.predict import load
from lamplighter.serving.app import make_app
from lamplighter.serving.limits import Limits
from lamplighter.serving.server import listen, run
limits = Limits(**json.loads(sys.argv[2]))
model = load(sys.argv[1], device="cpu")
class Said:
    def warn(self, text): print("warn", text, flush=True)
app = make_app(model, limits=limits, explain=heat_of(model), listener=Said(), token=sys.argv[3])
opened = listen("127.0.0.1", 0)
run(app, opened, limits, lambda: print("port", opened.getsockname()[1], flush=True))
print("ended", flush=True)
"""


def picture(seed: int = 0, size: tuple[int, int] = (60, 40), kind: str = "PNG") -> bytes:
    """An encoded picture of coarse coloured blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    target = BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).save(target, kind)
    return target.getvalue()


@dataclass
class Reply:
    """What came back on a raw connection; status 0 where nothing did."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Served:
    """A running server."""

    port: int
    process: subprocess.Popen[str]

    def connect(self, timeout: float = 15.0) -> socket.socket:
        """A raw connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """One ordinary request; header names with _ for -."""
        given = {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(len(body))}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
        with self.connect() as line:
            line.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
            return read_reply(line)

    def memory(self) -> int:
        """Resident bytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(next(x for x in text.splitlines() if x.startswith("VmRSS")).split()[1])


def read_reply(line: socket.socket) -> Reply:
    """Reads one reply; what the other side cuts off is a reply of status 0."""
    content = b""
    try:
        while b"\r\n\r\n" not in content:
            piece = line.recv(65536)
            if not piece:
                return Reply(0, {}, content)
            content += piece
        head, _, body = content.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (row.split(": ", 1) for row in rest)}
        while len(body) < int(headers.get("content-length", 0)):
            piece = line.recv(65536)
            if not piece:
                break
            body += piece
        return Reply(int(first.split()[1]), headers, body)
    except ConnectionError:
        return Reply(0, {}, content)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small classifier whose class names are meant to break pages."""
    path = tmp_path_factory.mktemp("served") / "model.safetensors"
    architecture = Architecture("lamplighter", "tutorial_cnn", 3, 3)
    torch.manual_seed(3)
    preprocess = Preprocess(32, "crop", 36, 3, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    artifact = Artifact(architecture, "classification", HOSTILE, preprocess, unsure_below=0.5)
    save_artifact(path, artifact, rebuild(architecture))
    return path


@pytest.fixture(scope="session")
def model(model_file: Path) -> Model:
    """The same, loaded here."""
    return load(model_file, device="cpu")


@pytest.fixture(scope="session")
def server(model_file: Path) -> Iterator[Served]:
    """The server of all tests; it has to answer after each attack, and to end when told."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(model_file), json.dumps(LIMITS), ""],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first.startswith("port "), first + (process.stdout.read() or "")
        yield Served(int(first.split()[1]), process)
        process.terminate()
        rest, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert rest == "ended\n", "nothing of what strangers sent made the server complain"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
