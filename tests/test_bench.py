"""`lamp bench` measures a training without keeping anything of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lamplighter import bench as room
from lamplighter.bench import bench
from lamplighter.cli import run
from lamplighter.errors import UsageError
from lamplighter.recipe import make_recipe


def quick(**settings: Any) -> room.Bench:
    """A bench of the built-in digits in a second."""
    recipe = make_recipe({"data": "digits", "model": "tutorial_cnn", "size": 8, **settings})
    return bench(recipe, seconds=0.2, try_advice=True)


def test_shares_are_of_the_whole() -> None:
    """The shares add up to the whole step, and each part of it took some time."""
    found = quick()
    assert sum(found.shares.values()) == pytest.approx(1)
    assert all(share > 0 for share in found.shares.values())
    assert found.images_per_second > 0
    assert found.ceiling > 0


def test_a_rate_that_would_diverge_hides_no_share() -> None:
    """Steps with gradients that are not finite are left out of a training, and none here."""
    assert quick(optimizer="SGD", lr=1e30).shares["optimizer"] > 0.0


def test_advice_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --try each piece of advice that is a setting is measured beside its prediction."""
    monkeypatch.setattr(room, "STEPPING", 0.0)
    monkeypatch.setattr(room, "GAIN", 0.0)
    found = quick(batch=32)
    flags = {row["flag"]: row for row in found.tried}
    assert "--batch 64" in flags
    assert flags["--batch 64"]["gain"] > 0
    assert flags["--batch 64"]["helps"]


def test_few_threads_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch that uses fewer cores than there are is named with its likely cause."""
    monkeypatch.setattr(room, "cores", lambda: 64)
    assert any("OMP_NUM_THREADS" in advice.text for advice in quick().advice)


def test_json_has_the_promised_keys(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`lamp bench --json` prints one document with the stable keys, and leaves no run behind."""
    monkeypatch.chdir(tmp_path)
    arguments = ["bench", "digits", "--model", "tutorial_cnn", "--size", "8", "--seconds", "0.2"]
    assert run([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"lamplighter", "images_per_second", "ceiling", "ratio", "shares", "advice"} <= set(told)
    assert {"data", "forward", "backward", "optimizer"} <= set(told["shares"])
    assert list(tmp_path.iterdir()) == []


def test_the_loop_is_handed_back_as_it_was() -> None:
    """After measuring, module, loss, backward and step are the training's own again."""
    stand = room.Stand(make_recipe({"data": "digits", "model": "tutorial_cnn"}), room.SILENT)
    module, loss = stand.parts.module, stand.parts.loss
    stand.loop(0.01)
    assert stand.parts.module is module
    assert stand.parts.loss is loss


def test_own_sets_are_declined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data sets of the user's own are not measured, and the message says what to use instead."""
    (tmp_path / "mysets.py").write_text(
        "import torch\nfrom torch.utils.data import TensorDataset\n"
        "train = TensorDataset(torch.zeros(8, 4), torch.zeros(8))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match="of your own") as caught:
        bench(make_recipe({"data": "mysets:train"}), seconds=0.1)
    assert "lamp bench photos/" in caught.value.fix
