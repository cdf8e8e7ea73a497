"""A file of weights → a flat state dict, without running a line of what is in the file."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from lamplighter.errors import ModelError
from lamplighter.listener import SILENT, Listener

State = dict[str, Tensor]
NESTS = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "weights",
    "params",
    "module",
    "model_ema",
    "ema_state_dict",
    "state_dict_ema",
    "ema",
)
# torch.save stores without compression, so honest files are never larger inside than outside
LARGEST_RATIO = 2.0
ROOM_FOR_HEADERS = 1 << 20
NEST_DEPTH = 4


def read_weights(path: str | Path, *, listener: Listener = SILENT) -> State:
    """Reads a state dict from a `.safetensors`, `.pt`, `.pth`, `.th` or `.bin` file.

    Args:
        path: the file; what it is is told from its bytes, not from its name.
        listener: hears which nested dictionary was taken.

    Returns:
        Name → tensor on the CPU; entries that are no dense tensors are left out.

    Raises:
        ModelError: missing, unreadable, damaged, a whole pickled module, or without any tensor.
    """
    path = Path(path)
    kind = _kind(path)
    if kind == "safetensors":
        return _read_safetensors(path)
    if kind == "zip":
        _refuse_bombs(path)
    return unwrap(_read_torch(path), path, listener)


def _kind(path: Path) -> str:
    if path.is_dir():
        raise ModelError(
            "expected a file of weights, found a folder",
            where=path,
            fix="give the file itself to --weights: .safetensors, .pt, .pth or .th",
        )
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except FileNotFoundError:
        raise ModelError(
            "there is no such file of weights",
            where=path,
            fix="give an existing file to --weights, or --weights default, or --weights none",
        ) from None
    except OSError as error:
        raise ModelError(
            f"cannot be read: {error.strerror}",
            where=path,
            fix="give a file that you may read to --weights",
        ) from error
    if not start:
        raise ModelError(
            "the file of weights is empty (0 bytes)", where=path, fix="copy or download it again"
        )
    # eight bytes of header length, then JSON
    if path.suffix == ".safetensors" or start[8:9] == b"{":
        return "safetensors"
    return "zip" if start[:2] == b"PK" else "legacy"


def _read_safetensors(path: Path) -> State:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError) as error:
        raise _damaged(path, "safetensors", error) from error


def _refuse_bombs(path: Path) -> None:
    """Refuses archives that would unpack to much more than they hold, and TorchScript archives."""
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path, "zip archive", error) from error
    unpacked = sum(member.file_size for member in members)
    if unpacked > size * LARGEST_RATIO + ROOM_FOR_HEADERS:
        raise ModelError(
            f"the file holds {size:,} bytes and would unpack to {unpacked:,}; PyTorch stores weights "
            f"uncompressed, so this is no honest file of weights and was not opened",
            where=path,
            fix="get the file again from where it was published",
        )
    if any(member.filename.endswith("/constants.pkl") for member in members):
        raise ModelError(
            "this is a TorchScript program (torch.jit.save), which holds code; expected weights only",
            where=path,
            fix='on a machine where you trust it: python -c "import torch; '
            f"torch.save(torch.jit.load('{path.name}').state_dict(), 'weights.pt')\"",
        )


def _read_torch(path: Path) -> Any:
    try:
        # written out always: an environment variable can turn the default to the unsafe reading
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise _whole_module(path, str(error)) from error
    except MemoryError as error:
        raise ModelError(
            "the weights do not fit into the memory",
            where=path,
            fix="close other programs, or begin without them: --weights none",
        ) from error
    except Exception as error:
        # garbage makes the reader fail in every way: EOF, Runtime, Key, Type, Unicode, Overflow…
        raise _damaged(path, "PyTorch weights", error) from error


def _whole_module(path: Path, told: str) -> ModelError:
    """The unpickler met something that is no tensor: another object's code, or rubbish."""
    found = re.search(r"(?:GLOBAL|global:?|Unsupported class) [`']?([\w.]+\.[\w.]+)", told)
    if found is None:
        return _damaged(path, "PyTorch weights", told.splitlines()[0] if told else "unreadable")
    return ModelError(
        f"the file holds a whole Python object ({found[1]}), not only weights; opening it would run "
        "whatever code its author put in, so Lamplighter does not",
        where=path,
        fix="where its code is at hand and you trust the file, keep only the weights: "
        f"python -c \"import torch; m = torch.load('{path.name}', weights_only=False); "
        "torch.save(m.state_dict(), 'weights.pt')\" and then --weights weights.pt",
    )


def _damaged(path: Path, kind: str, error: object) -> ModelError:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return ModelError(
        f"cannot be read as {kind}; the file is damaged, cut short or something else ({first})",
        where=path,
        fix="compare its size with the original, and copy or download it again",
    )


def unwrap(loaded: object, path: Path, listener: Listener = SILENT) -> State:
    """Finds the state dict within what a training script saved.

    Args:
        loaded: what `torch.load` gave.
        path: the file, for messages.
        listener: hears which nested dictionary was taken.

    Raises:
        ModelError: there are no tensors with names in it.
    """
    taken: list[str] = []
    for _ in range(NEST_DEPTH):
        if not isinstance(loaded, Mapping):
            break
        state = {key: value for key, value in loaded.items() if _usable(key, value)}
        inner = _nest(loaded)
        if state and (inner is None or len(state) >= len(loaded[inner])):
            if taken:
                listener.say(f"weights: took {'.'.join(taken)!r} from {path.name}")
            return state
        if inner is None:
            break
        taken.append(inner)
        loaded = loaded[inner]
    found = type(loaded).__name__
    if isinstance(loaded, Mapping):
        found = f"a dictionary with {', '.join(map(str, list(loaded)[:6])) or 'nothing in it'}"
    raise ModelError(
        f"expected weights by name, found {found}",
        where=path,
        fix="save the weights with torch.save(model.state_dict(), 'weights.pt')",
    )


def _nest(loaded: Mapping[Any, Any]) -> str | None:
    """The key of the dictionary inside that most likely holds the weights."""
    known = [key for key in NESTS if _holds_tensors(loaded.get(key))]
    if known:
        return known[0]
    others = [
        key
        for key, value in loaded.items()
        if isinstance(key, str) and "optim" not in key and _holds_tensors(value)
    ]
    return others[0] if len(others) == 1 else None


def _holds_tensors(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    return any(
        isinstance(inner, Tensor) or (isinstance(inner, Mapping) and inner)
        for inner in value.values()
    )


def _usable(key: object, value: object) -> bool:
    # a tensor without values (meta) or in a sparse layout cannot be copied into a layer
    return (
        isinstance(key, str)
        and isinstance(value, Tensor)
        and value.layout == torch.strided
        and not value.is_meta
        and not value.is_quantized
    )
