"""The server says what the model says, and describes itself truly."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lamplighter.errors import UsageError
from lamplighter.predict import Model
from lamplighter.serving.answers import Answers
from lamplighter.serving.app import ROUTES, make_app
from lamplighter.serving.guard import is_loopback, names_of
from lamplighter.serving.limits import Limits
from lamplighter.serving.page import PAGE, POLICY
from lamplighter.serving.refusal import Refusal
from lamplighter.serving.server import listen

from .conftest import HOSTILE, Served, picture


def test_one_picture_is_answered_as_predict_answers(server: Served, model: Model) -> None:
    """Label, probabilities and "unsure" are those of `predict` for the same file."""
    for seed, kind in enumerate(("PNG", "JPEG", "WEBP")):
        content = picture(seed, kind=kind)
        reply = server.ask("POST", "/predict", content).json
        expected = model.predict(content).as_json()
        assert reply["label"] == expected["label"]
        assert reply["unsure"] == expected["unsure"]
        assert [one["label"] for one in reply["top"]] == [one["label"] for one in expected["top"]]
        assert reply["probability"] == pytest.approx(expected["probability"], abs=1e-6)


def test_a_batch_is_answered_each_and_in_order(server: Served, model: Model) -> None:
    """Each picture has its answer, and a broken one its reason, in the order given."""
    contents = [picture(1), b"no picture", picture(2)]
    body = json.dumps({"pictures": [base64.b64encode(c).decode() for c in contents]}).encode()
    found = server.ask("POST", "/predict/batch", body).json["predictions"]
    assert "not a picture" in found[1]["error"]
    for n in (0, 2):
        expected = model.predict(contents[n])
        assert found[n]["label"] == expected.label
        assert found[n]["probability"] == pytest.approx(expected.probability, abs=1e-6)


def test_the_heat_map_is_a_picture(server: Served) -> None:
    """`?heat=1` adds a JPEG of what the network saw; without it there is none."""
    reply = server.ask("POST", "/predict?heat=1", picture()).json
    kind, content = reply["heat"].split(",", 1)
    assert kind == "data:image/jpeg;base64"
    assert Image.open(BytesIO(base64.b64decode(content))).size == (32, 32)
    assert "heat" not in server.ask("POST", "/predict", picture()).json


def test_the_model_is_described_without_paths(server: Served, model_file: Path) -> None:
    """GET /model tells classes and preprocessing, nothing about this machine."""
    reply = server.ask("GET", "/model")
    assert tuple(reply.json["classes"]) == HOSTILE
    assert reply.json["unsure_below"] == 0.5
    assert str(model_file.parent) not in reply.body.decode()
    assert server.ask("GET", "/health").json == {"status": "ok"}


def test_the_page_is_whole_and_asks_nobody_else(server: Served) -> None:
    """One file, no outside address, and a policy that fits its script and style to the letter."""
    reply = server.ask("GET", "/")
    text = reply.body.decode()
    assert text == PAGE
    assert not re.search(
        r"https?://|//\w+\.\w+|innerHTML|insertAdjacent|document\.write|eval\(", text
    )
    assert not re.search(r'\son\w+="|\sstyle="', text), "the policy would block these"
    assert reply.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert not any(name in text for name in HOSTILE[::2])
    assert 'capture="environment"' in text
    assert re.search(r"<html lang=.*<title>.*aria-live", text, re.DOTALL)


def test_openapi_describes_the_routes_and_nothing_else(server: Served) -> None:
    """Every route is in the description with its method; every $ref leads somewhere."""
    api = server.ask("GET", "/openapi.json").json
    described = {(path, method.upper()) for path, ways in api["paths"].items() for method in ways}
    assert described == {(path, method) for path, method, _ in ROUTES}
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(api)):
        assert name in api["components"]["schemas"]


def fits(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Holds a value against a schema as far as ours go: types, required keys, no unknown keys."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    kinds = {"object": dict, "array": list, "string": str, "number": (int, float), "boolean": bool,
             "null": type(None)}  # fmt: skip
    wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert any(isinstance(value, kinds[kind]) for kind in wanted), (value, schema)
    if isinstance(value, dict):
        assert set(schema.get("required", [])) <= set(value)
        for key, part in schema.get("properties", {}).items():
            if key in value:
                fits(value[key], part, schemas)
    for one in value if isinstance(value, list) else []:
        fits(one, schema["items"], schemas)


def test_answers_fit_their_description(server: Served) -> None:
    """What comes back has the shape that /openapi.json promises."""
    schemas = server.ask("GET", "/openapi.json").json["components"]["schemas"]
    one = server.ask("POST", "/predict?heat=1", picture()).json
    fits(one, schemas["Prediction"], schemas)
    assert set(one) <= set(schemas["Prediction"]["properties"])
    body = json.dumps({"pictures": [base64.b64encode(picture()).decode(), "AAAA"]}).encode()
    fits(server.ask("POST", "/predict/batch", body).json, schemas["Predictions"], schemas)
    fits(server.ask("GET", "/model").json, schemas["Model"], schemas)
    fits(server.ask("POST", "/predict", b"x").json, schemas["Error"], schemas)


def test_pictures_that_arrive_together_are_answered_together(model: Model) -> None:
    """Twenty at once take fewer runs of the network than twenty, with the same answers."""

    async def many() -> tuple[list[dict[str, Any]], int]:
        answers = Answers(model, Limits())
        found = await asyncio.gather(*[answers.answer(picture(n)) for n in range(20)])
        answers.close()
        return [one.document for one in found], answers.batches

    found, batches = asyncio.run(many())
    assert batches < 20
    for n, one in enumerate(found):
        expected = model.predict(picture(n))
        assert one["label"] == expected.label
        assert one["probability"] == pytest.approx(expected.probability, abs=1e-6)


def test_a_fault_in_the_network_is_told_once_and_survived(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception reaches those who waited for it, and the next picture is answered."""

    async def twice() -> dict[str, Any]:
        answers = Answers(model, Limits())
        sound = model.logits
        monkeypatch.setattr(model, "logits", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await answers.answer(picture())
        monkeypatch.setattr(model, "logits", sound)
        found = await answers.answer(picture())
        answers.close()
        assert answers.busy == 0
        return found.document

    assert asyncio.run(twice())["label"] in HOSTILE


def asked(app: Any, path: str, **headers: str) -> tuple[int, bytes]:
    """One GET straight to the app."""
    sent: list[dict[str, Any]] = []
    given = [(b"host", b"localhost")]
    given += [
        (k.replace("_", "-").lower().encode(), v.encode("latin-1")) for k, v in headers.items()
    ]
    scope = {"type": "http", "method": "GET", "path": path, "headers": given, "query_string": b"",
             "root_path": "", "http_version": "1.1", "scheme": "http"}  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


def test_the_token_is_asked_of_everything_about_the_model(model: Model) -> None:
    """Without it: the bare page and health only; a wrong one, a part of it, none: 401."""
    app = make_app(model, host="0.0.0.0", token="a-long-enough-token")
    assert asked(app, "/health")[0] == 200
    assert asked(app, "/")[0] == 200
    for wrong in (
        "",
        "Bearer ",
        "Bearer a-long-enough-toke",
        "Basic a-long-enough-token",
        "Bearer \xff",
    ):
        status, body = asked(app, "/model", Authorization=wrong)
        assert status == 401
        assert b"classes" not in body
    assert asked(app, "/model", Authorization="Bearer a-long-enough-token")[0] == 200


def test_examples_are_shown_where_there_are_some(model: Model) -> None:
    """GET /examples gives class → pictures as its description says; without any it is empty."""
    shown = {"plain": ["data:image/jpeg;base64,AAAA"]}
    for given, expected in ((shown, shown), (None, {})):
        status, body = asked(make_app(model, examples=given), "/examples")
        assert (status, json.loads(body)) == (200, {"examples": expected})
    status, _ = asked(make_app(model, token="a" * 20, examples=shown), "/examples")
    assert status == 401


def test_a_fault_of_ours_shows_no_traceback(model: Model) -> None:
    """500 says that something went wrong, the listener hears what, the client does not."""
    said: list[str] = []

    class Hears:
        def warn(self, text: str) -> None:
            said.append(text)

    app = make_app(model, listener=Hears())  # type: ignore[arg-type]

    async def broken(*_: Any) -> None:
        raise RuntimeError("secret /home/me")

    app.app = broken
    status, body = asked(app, "/model")
    assert status == 500
    assert b"secret" not in body
    assert b"Traceback" not in body
    assert said == ["a request failed: RuntimeError: secret /home/me"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.8.8", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("mine.example", False)],
)  # fmt: skip
def test_which_addresses_need_a_token(host: str, loopback: bool) -> None:
    """Only what nobody else can reach goes without; names are taken for reachable."""
    assert is_loopback(host) is loopback
    names, any_address = names_of(host, ("Box.local",))
    assert any_address is not loopback
    assert {"localhost", "box.local"} <= names


def test_queue_places_are_counted(model: Model) -> None:
    """More than there are places is refused whole, and nothing leaks."""
    answers = Answers(model, Limits(waiting=3))
    answers.enter(3)
    with pytest.raises(Refusal, match="too many pictures are waiting"):
        answers.enter(1)
    assert answers.busy == 3
    answers.close()


def test_a_taken_port_is_named() -> None:
    """The address, the reason, and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="cannot listen there") as caught:
            listen("127.0.0.1", port)
    assert caught.value.where == f"127.0.0.1:{port}"
    assert "--port" in caught.value.fix


def test_the_command_serves_and_stops_when_told(model_file: Path) -> None:
    """`lamp serve` says where it is; SIGTERM lets a request in progress finish; the exit code is 0."""
    command = "from lamplighter.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "serve", str(model_file), "--port", "0", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        url = json.loads("".join(lines))["url"]
        served = Served(int(url.rsplit(":", 1)[1].strip("/")), process)
        body = picture()
        with served.connect() as line:
            head = (
                f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            line.sendall(head.encode() + body[:-10])
            assert served.ask("GET", "/health", Host="localhost").status == 200
            process.send_signal(signal.SIGTERM)
            later = threading.Timer(0.5, line.sendall, [body[-10:]])
            later.start()
            from .conftest import read_reply

            reply = read_reply(line)
            later.join()
        assert reply.status == 200
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert (out, err.splitlines()) == ("", ["Ctrl-C ends it", "stopped"])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
