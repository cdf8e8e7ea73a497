"""What was measured once, kept in the cache folder for each machine, network and batch.

A measurement repeated on a busy machine might come out otherwise, and the same recipe shall give
the same numbers again; so what was found is taken from here the next time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch

from lamplighter.machine import cache_folder, cores, processor
from lamplighter.training.parts import Parts


def place_of(what: str, parts: Parts, model: str, *more: Any) -> Path:
    """Where the answer to `what` lies for this training.

    Args:
        what: the measurement; the name of its folder.
        parts: of which batch and network count.
        model: the network's name.
        more: on what else the answer hangs, and the number of its form.
    """
    batch: Any = next(iter(parts.train.epoch(1)))
    facts = [
        *more, processor(), cores(), torch.get_num_threads(), torch.__version__, model,
        list(batch.inputs.shape), list(batch.inputs.stride()), sum(p.numel() for p in parts.module.parameters()),
    ]  # fmt: skip
    name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
    return cache_folder() / what / f"{name}.json"


def recall(path: Path) -> dict[str, Any]:
    """What is kept there; empty where nothing is, or nothing that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(path: Path, answer: dict[str, Any]) -> None:
    """Writes an answer down; a cache that cannot be written costs another measurement."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(answer), encoding="utf-8")
        new.replace(path)
