"""A recipe or a run folder from a stranger imports nothing; one's own goes on as before (R15)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch  # noqa: F401  (the module below needs it, and a missing one would hide what is tested)

from lamplighter.errors import UsageError
from lamplighter.ownership import FACT, code_named, refuse_strangers_code, signature
from lamplighter.recipe import Recipe, write_toml

EVIL = """
open("BOMB", "w").close()
import torch
data = torch.utils.data.TensorDataset(torch.rand(40, 1, 8, 8), torch.arange(40) % 3)
class Net(torch.nn.Sequential):
    def __init__(self): super().__init__(torch.nn.Flatten(), torch.nn.Linear(64, 3))
"""
TRAIN = ("train", "evil:data", "--model", "evil:Net", "--epochs", "1", "--checks", "off",
         "--no-tensorboard", "--name", "a")  # fmt: skip


def test_names_of_code() -> None:
    """Modules count, with the parts of a joined set; networks of libraries and folders do not."""
    assert code_named(Recipe(data="a.b:c + photos", model="my:Net")) == ["a.b:c", "my:Net"]
    assert code_named(Recipe(data="digits", model="timm:resnet18")) == []


def test_only_the_writers_own_signature_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this user signed may be imported again; unsigned, changed or signed elsewhere it may not."""
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path / "mine"))
    recipe, path = Recipe(data="evil:data", model="evil:Net"), tmp_path / "recipe.toml"
    path.write_text(write_toml(recipe, {}, {FACT: signature(code_named(recipe))}))
    refuse_strangers_code(recipe, path)
    assert (tmp_path / "mine" / "recipe.key").stat().st_mode & 0o077 == 0 or os.name != "posix"
    with pytest.raises(UsageError, match="names code to be imported"):
        refuse_strangers_code(Recipe(data="other:data", model="evil:Net"), path)
    refuse_strangers_code(Recipe(data="other:data"), path, typed=["other:data"])
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path / "another"))
    with pytest.raises(UsageError, match="not written here by you") as caught:
        refuse_strangers_code(recipe, path)
    assert "lamp train evil:data --model evil:Net --recipe" in caught.value.fix
    path.write_text(write_toml(recipe, {}, {}))
    with pytest.raises(UsageError, match="nothing was"):
        refuse_strangers_code(recipe, path)


def test_a_run_folder_from_a_stranger(lamp: Any, tmp_path: Path) -> None:
    """Resumed, evaluated or repeated, it imports nothing; the user's own run still goes on."""
    (tmp_path / "evil.py").write_text(EVIL)
    ended = lamp.run(tmp_path, *TRAIN)
    assert ended.code == 0, ended.said
    (tmp_path / "BOMB").unlink()
    recipe = tmp_path / "runs" / "a" / "recipe.toml"
    own = lamp.run(tmp_path, "train", "--recipe", str(recipe), "--name", "b")
    assert own.code == 0, own.said
    (tmp_path / "BOMB").unlink()
    text = recipe.read_text()
    recipe.write_text("\n".join(line for line in text.splitlines() if not line.startswith(FACT)))
    for command in (
        ("train", "--resume", "runs/a", "--epochs", "2"), ("evaluate", "runs/a"),
        ("train", "--recipe", str(recipe), "--name", "c"), ("predict", "runs/a", "."),
    ):  # fmt: skip
        ended = lamp.run(tmp_path, *command)
        assert ended.code in (2, 4), ended.said
        assert "may not decide what is imported" in " ".join(ended.said.split())
        assert not (tmp_path / "BOMB").exists(), command
    named = lamp.run(tmp_path, *TRAIN[:4], "--resume", "runs/a", "--epochs", "2")
    assert named.code == 0, named.said
