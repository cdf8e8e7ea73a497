"""The routes: a page, an answer for one picture, answers for several, and what the model is."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from lamplighter.listener import SILENT, Listener
from lamplighter.predict import Model
from lamplighter.serving.answers import Answers, Explain
from lamplighter.serving.body import Bodies, ClientGoneError
from lamplighter.serving.description import describe_api, describe_model
from lamplighter.serving.guard import Guard, names_of
from lamplighter.serving.limits import Limits
from lamplighter.serving.page import PAGE, POLICY
from lamplighter.serving.refusal import Refusal


def make_app(
    model: Model,
    *,
    host: str = "127.0.0.1",
    token: str = "",
    allowed: tuple[str, ...] = (),
    limits: Limits | None = None,
    explain: Explain | None = None,
    examples: Mapping[str, Sequence[str]] | None = None,
    listener: Listener = SILENT,
) -> Guard:
    """The whole server as one ASGI app, its door included.

    Args:
        model: a classifier, multi-label classifier or regressor of pictures.
        host: what the server will listen on; decides which names requests may use.
        token: asked of every request about the model; empty asks for none.
        allowed: more names that requests may use.
        limits: of everything.
        explain: uint8 [S, S, C] → JPEG that shows where the network looked.
        examples: class → pictures of it as data: addresses, for the page.
        listener: hears of faults.
    """
    limits = limits or Limits()
    bodies = Bodies(limits)
    answers = Answers(model, limits, explain)
    answers.warm_up()
    routes = Routes(model, answers, bodies, limits, examples or {})
    app = Starlette(
        routes=[
            Route(path, getattr(routes, name), methods=[method]) for path, method, name in ROUTES
        ],
        exception_handlers={
            Refusal: routes.refuse,
            HTTPException: _refuse_path,
            ClientGoneError: _say_nothing,
            Exception: _fail,
        },
    )
    names, any_address = names_of(host, allowed)
    return Guard(
        app,
        names=names,
        any_address=any_address,
        token=token,
        policy=POLICY,
        bodies=bodies,
        listener=listener,
    )


ROUTES = [
    ("/", "GET", "page"),
    ("/health", "GET", "health"),
    ("/model", "GET", "about"),
    ("/examples", "GET", "examples"),
    ("/openapi.json", "GET", "openapi"),
    ("/predict", "POST", "predict"),
    ("/predict/batch", "POST", "predict_batch"),
]


class Routes:
    """What stands behind each path."""

    def __init__(
        self,
        model: Model,
        answers: Answers,
        bodies: Bodies,
        limits: Limits,
        examples: Mapping[str, Sequence[str]],
    ) -> None:
        self.answers = answers
        self.bodies = bodies
        self.limits = limits
        self._about = describe_model(model, limits, heat=answers.explain is not None)
        self._api = describe_api(limits)
        self._examples = {"examples": {name: list(some) for name, some in examples.items()}}

    async def page(self, _request: Request) -> Response:
        """The page; it says nothing of the model until it has asked /model."""
        return HTMLResponse(PAGE)

    async def health(self, _request: Request) -> Response:
        """Whether the server answers."""
        return JSONResponse({"status": "ok"})

    async def about(self, _request: Request) -> Response:
        """What the model is."""
        return JSONResponse(self._about)

    async def examples(self, _request: Request) -> Response:
        """What pictures of each class look like."""
        return JSONResponse(self._examples)

    async def openapi(self, _request: Request) -> Response:
        """The description of all this for programs."""
        return JSONResponse(self._api)

    async def predict(self, request: Request) -> Response:
        """One picture: the body is the file itself."""
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        # not x-www-form-urlencoded: that is what curl says of every --data-binary
        if kind.startswith("multipart/"):
            raise Refusal(415, "send the picture itself as the body: curl --data-binary @FILE")
        started = time.perf_counter()
        content = await self._body(request)
        answered = await self.answers.answer(content)
        document = dict(answered.document)
        if request.query_params.get("heat") == "1":
            document["heat"] = await self.answers.heat(answered.square)
        document["seconds"] = round(time.perf_counter() - started, 4)
        return JSONResponse(document)

    async def predict_batch(self, request: Request) -> Response:
        """Several pictures: a JSON object with a list of base64 texts."""
        started = time.perf_counter()
        contents = _pictures(await self._body(request), self.limits.batch)
        found = await self.answers.answer_all(contents)
        seconds = round(time.perf_counter() - started, 4)
        return JSONResponse({"predictions": found, "seconds": seconds})

    async def refuse(self, request: Request, refusal: Exception) -> Response:
        """A refusal, sent once the client had a chance to stop sending."""
        assert isinstance(refusal, Refusal)
        if request.method == "POST":
            await self.bodies.drain(request.receive)
        return _told(refusal)

    async def _body(self, request: Request) -> bytes:
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(415, "a compressed body is not taken; send the picture as it is")
        declared = request.headers.get("content-length", "")
        return await self.bodies.read(
            request.receive, int(declared) if declared.isdigit() else None
        )


def _pictures(body: bytes, most: int) -> list[bytes]:
    try:
        texts: Any = json.loads(body)["pictures"]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise TypeError
        contents = [base64.b64decode(text, validate=True) for text in texts]
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise Refusal(
            400, 'expected {"pictures": [base64, …]}, each the content of a file'
        ) from None
    if not 1 <= len(contents) <= most:
        raise Refusal(400, f"expected 1 to {most} pictures, got {len(contents)}")
    return contents


async def _refuse_path(_request: Request, error: Exception) -> Response:
    """Starlette's own refusals (no such path, wrong method), in the form of all others."""
    assert isinstance(error, HTTPException)
    status = error.status_code if error.status_code in (404, 405) else 400
    told = {404: "there is nothing here", 405: "this path is not asked that way"}
    return _told(Refusal(status, told.get(status, "this request cannot be understood")))


async def _say_nothing(_request: Request, _error: Exception) -> Response:
    """The client went away; what is sent now is thrown away."""
    return Response(status_code=400)


async def _fail(_request: Request, _error: Exception) -> Response:
    """A fault of ours; the guard hears of it, the client learns nothing about it."""
    return _told(Refusal(500, "something went wrong here; the server's log says what"))


def _told(refusal: Refusal) -> Response:
    return JSONResponse(refusal.as_json(), status_code=refusal.status, headers=refusal.headers())
