"""Flipped, cut and foreign bytes in checkpoints and models are always noticed (R6)."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from lamplighter.artifact import read_artifact
from lamplighter.errors import ArtifactError
from lamplighter.training import checkpoint


def damage(content: bytes, draw: random.Random) -> bytes:
    """One of: a bit flipped, bytes overwritten, cut off, grown, a stretch gone, emptied."""
    kind = draw.choice(["flip", "flip", "write", "cut", "grow", "drop", "zero"])
    at = draw.randrange(len(content))
    if kind == "flip":
        return content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
    if kind == "write":
        return content[:at] + draw.randbytes(8) + content[at + 8 :]
    if kind == "cut":
        return content[:at]
    if kind == "grow":
        return content + draw.randbytes(1 + at % 9)
    if kind == "drop":
        return content[:at] + content[at + 1 + at % 5 :]
    return bytes(len(content))


def damaged_models(whole: Path, place: Path, count: int, seed: int) -> None:
    draw = random.Random(seed)
    content = (whole / "model.safetensors").read_bytes()
    path = place / "model.safetensors"
    for _ in range(count):
        # every second time near the front, where the header is
        head = 2048 if draw.random() < 0.5 else len(content)
        changed = damage(content[:head], draw) + content[head:]
        if changed == content:
            continue
        path.write_bytes(changed)
        with pytest.raises(ArtifactError) as caught:
            read_artifact(path)
        assert str(path) in str(caught.value)


def damaged_checkpoints(whole: Path, place: Path, count: int, seed: int) -> None:
    draw = random.Random(seed)
    folder = place / "checkpoints"
    shutil.copytree(whole / "checkpoints", folder)
    newest, before = checkpoint.saved(folder)
    steps = [checkpoint.step_of(path) for path in (newest, before)]
    for _ in range(count):
        file = newest / draw.choice([checkpoint.STATE, checkpoint.STATE, checkpoint.MANIFEST])
        content = file.read_bytes()
        changed = damage(content, draw)
        if changed == content:
            continue
        file.write_bytes(changed)
        said: list[str] = []
        found = checkpoint.load_latest(folder, say=said.append)
        assert found is not None
        assert found[0] == steps[1]
        assert f"{newest.name} is damaged" in said[0]
        file.write_bytes(content)
    found = checkpoint.load_latest(folder, say=pytest.fail)
    assert found is not None
    assert found[0] == steps[0]


def test_models(whole: Path, tmp_path: Path) -> None:
    """Each of 60 damaged copies of a model is refused by name."""
    damaged_models(whole, tmp_path, 60, 1)


def test_checkpoints(whole: Path, tmp_path: Path) -> None:
    """Each of 60 damages to the newest checkpoint is noticed, and the one before is taken."""
    damaged_checkpoints(whole, tmp_path, 60, 2)


@pytest.mark.faults
def test_models_often(whole: Path, tmp_path: Path) -> None:
    """The same 500 times."""
    damaged_models(whole, tmp_path, 500, 3)


@pytest.mark.faults
def test_checkpoints_often(whole: Path, tmp_path: Path) -> None:
    """The same 500 times."""
    damaged_checkpoints(whole, tmp_path, 500, 4)
