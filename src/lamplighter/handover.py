"""What leaves the house: a run's model for other runtimes, proved on its own pictures, or served."""

from __future__ import annotations

import importlib.util
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamplighter import stages
from lamplighter.errors import DataError, LamplighterError, ModelError, UsageError
from lamplighter.exhibits import class_examples
from lamplighter.listener import SILENT, Listener
from lamplighter.run_folder import RunFolder

MOST = 1000  # pictures of a proof
SHORTEST_TOKEN = 12


@dataclass(frozen=True)
class Pictures:
    """Pictures of a proof: uint8 [S, S, C] each, their names, and in words which they are."""

    squares: Sequence[Any]
    names: Sequence[str]
    kind: str


def export(
    model_text: str,
    to: str,
    *,
    out: Path | None = None,
    pictures: Sequence[str | Path] = (),
    own: Any = None,
    listener: Listener = SILENT,
) -> Any:
    """Writes a run's model in another format and proves that it agrees.

    Args:
        model_text: a run's name or folder, or a model file.
        to: "onnx" or "program".
        out: folder for the file and its README; by default `onnx` or `program` beside the model.
        pictures: files and folders for the proof; by default the run's test or validation
            pictures, and where those are out of reach generated ones.
        own: the user's own network, where the model is one.
        listener: hears which pictures were taken.

    Returns:
        An export.formats.Exported.

    Raises:
        UsageError, ModelError, ArtifactError, DataError: what was named cannot be used.
        AnswerIsNo: the written file does not agree with the model; it is not kept.
    """
    from lamplighter.export.deployed import deploy
    from lamplighter.export.formats import export as write
    from lamplighter.export.formats import row_of

    row_of(to)
    model, folder = stages.open_model(model_text, own=own, device="cpu")
    deploy(model.module, model.artifact)  # what cannot be exported is said before pictures are read
    proof = pictures_of(model, folder, pictures, listener)
    return write(model, to, out or model.path.parent / to, proof.squares, proof.names, proof.kind)


def pictures_of(
    model: Any, folder: RunFolder | None, given: Sequence[str | Path], listener: Listener
) -> Pictures:
    """The best pictures to be had: those given, those of the run, or generated ones."""
    if given:
        return _given(model, given, listener)
    if folder is not None:
        try:
            return _recorded(model, folder, listener)
        except (LamplighterError, OSError) as error:
            listener.warn(f"the run's own pictures are out of reach: {error}")
    from lamplighter.export.parity import made_pictures

    preprocess = model.artifact.preprocess
    squares = made_pictures(preprocess.size, preprocess.channels)
    return Pictures(squares, [f"generated {i}" for i in range(len(squares))], "generated pictures")


def _given(model: Any, given: Sequence[str | Path], listener: Listener) -> Pictures:
    from lamplighter.predict import picture_files

    squares, names = [], []
    for file in picture_files(given):
        try:
            squares.append(model.square(file))
            names.append(str(file))
        except DataError as error:
            listener.warn(f"left out: {error}")
    if not squares:
        raise DataError(
            "none of these pictures can be read", where=given[0], fix="name others with --pictures"
        )
    return Pictures(squares, names, "the given pictures")


def _recorded(model: Any, folder: RunFolder, listener: Listener) -> Pictures:
    """Test pictures of the run, else validation pictures, decoded as they were then."""
    collection = stages.collection_of(folder, str(folder), SILENT)
    split = next((name for name in ("test", "val") if collection.splits.get(name)), "train")
    wanted = collection.splits[split]
    chosen = wanted[:: -(-len(wanted) // MOST)]
    preprocess = model.artifact.preprocess
    squares, names = [], []
    for example in chosen:
        try:
            opened = collection.source.open(example, draft=preprocess.smallest_useful())
            squares.append(preprocess.square(opened))
            names.append(example.key)
        except DataError as error:
            listener.warn(f"left out: {error}")
    some = "" if len(chosen) == len(wanted) else f"{len(squares)} of the {len(wanted)} "
    if not squares:
        raise DataError(
            "none of the recorded pictures can be read",
            where=folder,
            fix="name some with --pictures",
        )
    return Pictures(squares, names, f"{some}{split} pictures of the run")


def serve(
    model_text: str,
    *,
    ready: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str = "",
    allowed: tuple[str, ...] = (),
    own: Any = None,
    device: str = "auto",
    examples: bool = True,
    listener: Listener = SILENT,
) -> None:
    """Answers over HTTP until it is told to stop.

    Args:
        model_text: a run's name or folder, or a model file.
        ready: called with the page's address once it answers.
        host: what to listen on.
        port: 0 takes a free one.
        token: asked of every request; made up where the address is not this machine's alone.
        allowed: more names that requests may use.
        own: the user's own network, where the model is one.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        examples: show a few training pictures of each class, where a run is served.
        listener: hears of faults.

    Raises:
        UsageError: packages are missing, the address cannot be had, the token is too short, or
            the model takes no pictures.
        ArtifactError, ModelError: the model cannot be used.
    """
    _need_server()
    from lamplighter.predict import how_to_ask
    from lamplighter.serving.app import make_app
    from lamplighter.serving.guard import is_loopback
    from lamplighter.serving.limits import Limits
    from lamplighter.serving.server import listen, run

    if token and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise UsageError(
            f"a token needs {SHORTEST_TOKEN} or more letters and figures",
            where="--token",
            fix="leave it out, and one is made up",
        )
    model, folder = stages.open_model(model_text, own=own, device=device)
    if model.artifact.preprocess is None:
        raise UsageError(
            "this network was trained on your own tensors, so a picture cannot be given to it",
            where=model_text,
            fix=how_to_ask(model.artifact, str(model.path)),
        )
    if not is_loopback(host):
        token = token or secrets.token_urlsafe(16)
    limits = Limits()
    app = make_app(
        model, host=host, token=token, allowed=allowed, limits=limits,
        explain=heat_of(model), listener=listener,
        examples=class_examples(folder, model.artifact.task, listener=listener)
        if folder is not None and examples
        else None,
    )  # fmt: skip
    opened = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{opened.getsockname()[1]}/" + (f"#token={token}" if token else "")
    run(app, opened, limits, lambda: ready(url))


def heat_of(model: Any) -> Callable[[Any], bytes] | None:
    """uint8 [S, S, C] → JPEG of where the network looked; None where that shows nothing."""
    import torch
    from PIL import Image

    from lamplighter.evaluation.heatmap import explain, overlay
    from lamplighter.truth import HEAT_FROM

    preprocess = model.artifact.preprocess
    if preprocess.size < HEAT_FROM or model.artifact.task == "regression":
        return None

    def heat(square: Any) -> bytes:
        pixels = torch.from_numpy(square.transpose(2, 0, 1).copy())[None].to(model.device)
        try:
            found, _ = explain(model.module, model.ready(pixels))
        except ModelError as error:
            raise DataError(error.message) from error
        return overlay(Image.fromarray(square.squeeze()), found[0])

    return heat


def _need_server() -> None:
    missing = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"serving needs packages that are not installed: {', '.join(missing)}",
            where="lamp serve",
            fix='pip install "lamplighter[serve]"',
        )
