"""A checkpoint is whole or not there, holds plain values only, and gives back exactly what went in."""

from __future__ import annotations

import json
import os
import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lamplighter.errors import RunFailed
from lamplighter.training import checkpoint
from lamplighter.training.state_file import pack, random_state, restore_random_state, unpack

HERE = Path("state")


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor):
        return left.dtype == right.dtype and torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(v, right[k]) for k, v in left.items())
    if isinstance(left, list | tuple):
        pairs = zip(left, right, strict=True)
        return type(left) is type(right) and all(equal(a, b) for a, b in pairs)
    return (type(left), left) == (type(right), right) or (left != left and right != right)


def test_round_trip() -> None:
    """Nested plain values and tensors of every usual kind come back with their types."""
    tied = torch.randn(3)
    state = {
        "a": [1, 2.5, "x\ud800\0\u202e", None, True, (1, (2,)), {}, []],
        0: {1: torch.tensor(3), "1": torch.zeros(0, 2)},
        "f": [float("inf"), -float("inf"), float("nan"), 1e-320],
        "big": 2**200,
        "t": {"a": tied, "b": tied, "c": torch.randn(4, 4).t(), "d": tied.bfloat16()},
        "bool": torch.tensor([True, False]),
        "": {"t": "not a tensor", "v": 1},
    }
    assert equal(unpack(pack(state), HERE), state)


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "AdamW", "NAdam", "RMSprop", "Adagrad", "Adadelta"]
)
def test_optimizers(name: str) -> None:
    """The state of torch's optimizers comes back equal."""
    layer = nn.Linear(3, 2)
    optimizer = getattr(torch.optim, name)(layer.parameters(), lr=np.float32(0.1))
    layer(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    found = unpack(pack(optimizer.state_dict()), HERE)
    optimizer.load_state_dict(found)
    assert equal(found["state"], optimizer.state_dict()["state"])


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, print, nn.Linear(1, 1), b"x", np.zeros(3), 1j, {(1,): 2}, {True: 1}]
)
def test_unknown_types(value: Any, tmp_path: Path) -> None:
    """What only a pickle could hold is refused by its place, and the earlier checkpoint stays."""
    checkpoint.save(tmp_path, 1, {"good": 1})
    with pytest.raises(RunFailed, match="without pickle"):
        checkpoint.save(tmp_path, 2, {"deep": [value]})
    assert checkpoint.load_latest(tmp_path) == (1, {"good": 1})
    assert [p.name for p in tmp_path.iterdir()] == ["step-000000001"]


def test_nothing_is_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither saving nor loading goes through pickle."""
    import pickle

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pickled")

    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    state = {"module": nn.Linear(2, 2).state_dict(), "random": random_state()}
    path = checkpoint.save(tmp_path, 1, state)
    checkpoint.load_latest(tmp_path)
    assert sorted(p.name for p in path.iterdir()) == ["manifest.json", "state.safetensors"]


def test_two_are_kept(tmp_path: Path) -> None:
    """The last two of the series and of the best are kept; the latest is the highest step."""
    for step in (3, 20, 100):
        checkpoint.save(tmp_path, step, {"s": step})
        checkpoint.save(tmp_path, step, {"b": step}, label="best")
    assert [p.name for p in checkpoint.saved(tmp_path)] == ["step-000000100", "step-000000020"]
    assert [p.name for p in checkpoint.saved(tmp_path, "best")] == [
        "best-000000100", "best-000000020",
    ]  # fmt: skip
    for path in tmp_path.iterdir():  # clocks are never asked
        os.utime(path, (100 if "100" in path.name else 10**9,) * 2)
    assert checkpoint.load_latest(tmp_path) == (100, {"s": 100})


def test_same_step_again(tmp_path: Path) -> None:
    """A step that is saved again after a resume replaces the one before."""
    checkpoint.save(tmp_path, 1, {"a": 1})
    checkpoint.save(tmp_path, 1, {"a": 2})
    assert checkpoint.load_latest(tmp_path) == (1, {"a": 2})


@pytest.mark.parametrize(
    "damage", ["flip", "truncate", "grow", "no manifest", "empty manifest", "no state", "hostile"]
)
def test_damaged(damage: str, tmp_path: Path) -> None:
    """A damaged checkpoint is passed over for the one before, and that is said."""
    checkpoint.save(tmp_path, 1, {"w": torch.zeros(50)})
    path = checkpoint.save(tmp_path, 2, {"w": torch.ones(50)})
    state, manifest = path / checkpoint.STATE, path / checkpoint.MANIFEST
    content = state.read_bytes()
    if damage == "flip":
        state.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif damage == "truncate":
        state.write_bytes(content[:-1])
    elif damage == "grow":
        state.write_bytes(content + b"x")
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "empty manifest":
        manifest.write_bytes(b"")
    elif damage == "no state":
        state.unlink()
    else:  # everything agrees, and the content is a stranger's
        other = pack({"x": 1}).replace(b'{\\"v\\": 1}', b'{\\"z\\": 1}')
        assert other != pack({"x": 1})
        state.write_bytes(other)
        told = {"step": 2, "files": {checkpoint.STATE: [len(other), zlib.crc32(other)]}}
        manifest.write_text(json.dumps(told))
    said: list[str] = []
    step, found = checkpoint.load_latest(tmp_path, say=said.append) or (0, {})
    assert step == 1
    assert torch.equal(found["w"], torch.zeros(50))
    assert len(said) == 1
    assert "step-000000002 is damaged" in said[0]


@pytest.mark.parametrize(
    "manifest", ["[]", "3", '{"step": 1e999, "files": {}}', "[" * 100_000, '{"step": 2}', "\xff"]
)
def test_hostile_manifest(manifest: str, tmp_path: Path) -> None:
    """Whatever stands in a manifest, loading ends in a word and not in a traceback."""
    path = checkpoint.save(tmp_path, 1, {})
    (path / checkpoint.MANIFEST).write_text(manifest, encoding="latin-1")
    assert checkpoint.load_latest(tmp_path) is None


@pytest.mark.parametrize("share", range(12))
def test_every_flip_is_seen(share: int, tmp_path: Path) -> None:
    """A bit flipped anywhere in the state is found."""
    path = checkpoint.save(tmp_path, 1, {"w": torch.randn(20), "x": "text"})
    content = bytearray((path / checkpoint.STATE).read_bytes())
    content[share * len(content) // 12] ^= 1 << (share % 8)
    (path / checkpoint.STATE).write_bytes(content)
    assert checkpoint.load_latest(tmp_path) is None


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_full_disk(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills up while saving, the one before is valid and the message says what is free."""
    checkpoint.save(tmp_path, 1, {"a": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if call == "fsync" else Path, call, full)
    with pytest.raises(RunFailed, match=r"No space left on device; .* MB are free") as caught:
        checkpoint.save(tmp_path, 2, {"a": 2})
    monkeypatch.undo()
    assert "--resume" in caught.value.fix
    assert caught.value.exit_code == 5
    assert checkpoint.load_latest(tmp_path) == (1, {"a": 1})
    assert [p.name for p in tmp_path.iterdir()] == ["step-000000001"]


def test_leftovers_are_no_checkpoints(tmp_path: Path) -> None:
    """What a killed save left is never taken for a checkpoint."""
    checkpoint.save(tmp_path, 1, {"a": 1})
    (tmp_path / ".step-000000009.part-1").mkdir()
    (tmp_path / "step-000000008").write_text("a file")
    assert checkpoint.load_latest(tmp_path) == (1, {"a": 1})
    assert checkpoint.load_latest(tmp_path / "nowhere") is None


def test_random_numbers() -> None:
    """Python's, NumPy's and torch's random numbers go on where they were, a kept half of a pair too."""
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    random.gauss(0, 1), np.random.randn(), torch.randn(1)
    state = unpack(pack(random_state()), HERE)
    first = [random.gauss(0, 1), random.random(), *np.random.randn(3), *torch.randn(3).tolist()]
    restore_random_state(state)
    again = [random.gauss(0, 1), random.random(), *np.random.randn(3), *torch.randn(3).tolist()]
    assert first == again


def test_random_numbers_go_on_with_fewer_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of two GPUs can be resumed where there is one."""
    given: list[torch.Tensor] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", given.extend)
    two = [torch.tensor([1], dtype=torch.uint8), torch.tensor([2], dtype=torch.uint8)]
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: two)
    restore_random_state(random_state())
    assert given == two[:1]
