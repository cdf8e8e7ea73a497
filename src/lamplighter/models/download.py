"""torchvision's published weights: found in torch's own folder, or fetched and verified."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from lamplighter.errors import ModelError
from lamplighter.listener import SILENT, Listener
from lamplighter.models.small import SMALL
from lamplighter.models.torchvision_nets import classifier_names, default_weights
from lamplighter.models.weight_file import State, read_weights

SECONDS_TO_ANSWER = 30


def default_state(name: str, *, listener: Listener = SILENT) -> State:
    """The state dict of torchvision's default weights for a network.

    Args:
        name: a torchvision classifier.
        listener: hears from where the file is fetched, before it is.

    Raises:
        ModelError: the file is not there and cannot be fetched, or its hash is wrong.
    """
    return read_weights(fetch(default_weights(name).url, name, listener=listener))


def fetch(url: str, name: str, *, listener: Listener = SILENT) -> Path:
    """The local file for a published address; fetched when missing, always compared by hash."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
    expected = _hash_in(path.name)
    if path.exists():
        _verify(path, expected)
        return path
    listener.say(f"fetching the weights of {name} from {url} into {path.parent}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _patience(SECONDS_TO_ANSWER):
            torch.hub.download_url_to_file(url, str(path), hash_prefix=expected, progress=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"the weights of {name} could not be fetched from {url} ({error}). torch looks for "
            f"{path.name} in {path.parent}",
            where=name,
            fix=f"bring {path.name} from a machine with a network and put it there or give it with "
            "--weights FILE; or start untrained with --weights none",
        ) from error
    return path


def _hash_in(file_name: str) -> str | None:
    """torch writes the first digits of the SHA-256 into the names of its files."""
    found = re.search(r"-([a-f0-9]{8,})\.", file_name)
    return found[1] if found else None


def _verify(path: Path, expected: str | None) -> None:
    if expected is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(expected):
        raise ModelError(
            f"the file is damaged or not the published one: its SHA-256 begins with "
            f"{found[: len(expected)]}, expected {expected}",
            where=path,
            fix=f"remove it and fetch it again: rm '{path}'",
        )


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Bounds the wait for an answer; torch's own download would wait without end."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@dataclass(frozen=True)
class Published:
    """Weights that could be had.

    Args:
        path: where torch keeps them, there or not.
        megabytes: size of the file.
        promise: what they reached where they were published.
    """

    path: Path
    megabytes: float
    promise: str


def published_weights(name: str) -> Published | None:
    """The published weights of a network, by its name in any case; None if there are none."""
    if name.lower() in SMALL or name.lower() not in classifier_names():
        return None
    weights = default_weights(name.lower())
    top1 = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    path = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[1]
    return Published(path, weights.meta["_file_size"], f"{top1:.1f} % on ImageNet")
