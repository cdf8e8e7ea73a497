"""Nested state as tensors plus JSON: what torch keeps in pickles, kept without them.

A state dict is taken apart into a flat table of tensors (safetensors) and a JSON skeleton in which
each tensor is named. Only plain values come back: reading runs no code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from lamplighter.errors import RunFailed

SKELETON = "skeleton"


@dataclass(frozen=True)
class Snapshot:
    """A state as it was at one moment: copies of its tensors, and the text that holds the rest."""

    tensors: Mapping[str, Tensor]
    skeleton: str


def snapshot(state: Any) -> Snapshot:
    """Copies a nested state of dicts, lists, tuples, numbers, texts and tensors.

    Raises:
        TypeError: it holds something else; says where.
    """
    tensors: dict[str, Tensor] = {}
    skeleton = _take_apart(state, "state", tensors)
    return Snapshot(tensors, json.dumps(skeleton, allow_nan=False))


def pack(state: Any) -> bytes:
    """A nested state, or a snapshot of one, as one file's bytes."""
    taken = state if isinstance(state, Snapshot) else snapshot(state)
    return save_tensors(dict(taken.tensors), {SKELETON: taken.skeleton})


def unpack(content: bytes, where: Path) -> Any:
    """The nested state of `pack`.

    Raises:
        RunFailed: the bytes are damaged or hold something else.
    """
    try:
        tensors = load_tensors(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return _put_together(json.loads(header["__metadata__"][SKELETON]), tensors)
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise RunFailed(f"the saved state cannot be read: {error}", where=where) from error


def _take_apart(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        # a clone, because safetensors refuses tensors that share memory (tied weights)
        name = f"{len(tensors)}:{path}"
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return {"t": name}
    if isinstance(value, Mapping):
        items = [
            [_key(key), _take_apart(item, f"{path}.{key}", tensors)] for key, item in value.items()
        ]
        return {"d": items}
    if isinstance(value, tuple | list):
        parts = [_take_apart(item, f"{path}.{i}", tensors) for i, item in enumerate(value)]
        return {"u" if isinstance(value, tuple) else "l": parts}
    if isinstance(value, float) and not isinstance(value, np.generic) and not math.isfinite(value):
        return {"f": str(value)}
    if isinstance(value, np.generic):
        return _take_apart(value.item(), path, tensors)
    if value is None or isinstance(value, bool | int | float | str):
        return {"v": value}
    raise TypeError(f"{path} holds a {type(value).__name__}, which cannot be saved without pickle")


def _key(key: Any) -> list[Any]:
    if isinstance(key, str | int) and not isinstance(key, bool):
        return ["s" if isinstance(key, str) else "i", key]
    raise TypeError(f"a state's key {key!r} cannot be saved without pickle")


def _put_together(part: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    ((kind, value),) = part.items()
    if kind == "t":
        return tensors[value]
    if kind == "d":
        return {key: _put_together(item, tensors) for (_, key), item in value}
    if kind in ("l", "u"):
        parts = [_put_together(item, tensors) for item in value]
        return tuple(parts) if kind == "u" else parts
    if kind == "f":
        return float(value)
    if kind == "v":
        return value
    raise ValueError(f"unknown part {kind!r}")


def random_state() -> dict[str, Any]:
    """The random numbers' state of Python, NumPy and torch (all devices)."""
    import random

    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, torch.tensor(words, dtype=torch.int64), gauss],
        "numpy": [
            name,
            torch.from_numpy(np.asarray(keys).astype("int64")),
            position,
            has_gauss,
            cached,
        ],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_state(state: Mapping[str, Any]) -> None:
    """Puts `random_state` back."""
    import random

    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype("uint32"), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        # as many as there are: a run may go on where there are fewer GPUs
        torch.cuda.set_rng_state_all(state["cuda"][: torch.cuda.device_count()])
