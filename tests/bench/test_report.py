"""`lamp bench` measures a training without keeping anything of it."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from lamplighter.bench import advice as advising
from lamplighter.bench import report, trying
from lamplighter.bench import stand as stand_room
from lamplighter.bench.report import bench
from lamplighter.bench.stand import PARTS, Stand
from lamplighter.cli import run
from lamplighter.errors import RunFailed, UsageError
from lamplighter.listener import SILENT
from lamplighter.recipe import make_recipe
from lamplighter.training.journal import RunJournal
from lamplighter.training.loop import StepLog
from lamplighter.training.measure_precision import Choice


def quick(*, try_all: bool = False, **settings: Any) -> report.Bench:
    """A bench of the built-in digits in a second."""
    recipe = make_recipe({"data": "digits", "model": "tutorial_cnn", "size": 8, **settings})
    return bench(recipe, seconds=0.2, try_all=try_all)


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
    monkeypatch.setattr(advising, "STEPPING", 0.0)
    monkeypatch.setattr(advising, "GAIN", 0.0)
    monkeypatch.setattr(trying, "GAIN", 0.0)
    monkeypatch.setattr(report, "try_compiling", lambda *_: None)
    found = quick(batch=32, try_all=True)
    flags = {row["flag"]: row for row in found.tried}
    assert "--batch 64" in flags
    assert flags["--batch 64"]["gain"] > 0
    assert flags["--batch 64"]["helps"]


def test_few_threads_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch that uses fewer cores than there are is named with its likely cause."""
    monkeypatch.setattr(advising, "cores", lambda: 64)
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
    assert {"data", "forward", "backward", "optimizer", "logging", "other"} == set(told["shares"])
    assert list(tmp_path.iterdir()) == []


def test_the_loop_is_handed_back_as_it_was() -> None:
    """After measuring, module, loss, backward and step are the training's own again."""
    stand = Stand(make_recipe({"data": "digits", "model": "tutorial_cnn"}), SILENT)
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


def test_logging_is_what_counts_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that takes its time is seen in the share of logging and in no other one."""
    stand = Stand(make_recipe({"data": "digits", "model": "tutorial_cnn", "size": 8}), SILENT)
    shares: dict[str, list[float]] = {name: [] for name in PARTS}
    stand.loop(0.05, shares)
    written = StepLog.step

    def slow(*given: Any) -> None:
        time.sleep(0.2)
        written(*given)

    monkeypatch.setattr(StepLog, "step", slow)
    stand.loop(0.05, shares)
    quick_share, slow_share = shares["logging"]
    assert slow_share > 0.5 > quick_share
    assert shares["other"][1] < 0.5


def test_an_epochs_line_is_written_and_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole epoch of steps writes metrics and events as a training does, and leaves no folder."""
    lines: list[dict[str, Any]] = []
    folders: list[Path] = []

    class Seen(RunJournal):
        def close(self) -> None:
            super().close()
            lines.extend(self.folder.metrics())
            folders.append(self.folder.path)
            assert list(self.folder.path.glob("events*"))

    monkeypatch.setattr(stand_room, "RunJournal", Seen)
    recipe = make_recipe({"data": "digits", "model": "tutorial_cnn", "size": 8, "batch": 512})
    stand = Stand(recipe, SILENT)
    for _ in range(stand.parts.train.steps() or 0):
        stand.loop(0.0)
    (line,) = lines
    assert line["train_loss"] > 0
    assert (line["epoch"], line["step"]) == (1, 3)
    assert not any(folder.exists() for folder in folders)


def test_losses_that_are_no_numbers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that begins with NaN cannot be measured; the message says where to look."""

    def nothing(*_given: Any) -> torch.Tensor:
        return torch.full((), math.nan, requires_grad=True)

    monkeypatch.setattr(stand_room, "train_step", lambda *_: (nothing(), torch.zeros(())))
    with pytest.raises(RunFailed, match="not finite") as caught:
        quick()
    assert caught.value.fix.startswith("lamp check digits --model tutorial_cnn")


def test_a_network_frozen_at_first_is_measured_whole() -> None:
    """Its first epoch trains the head alone, all others everything: those are what takes the time."""
    stand = Stand(
        make_recipe({"data": "digits", "model": "tutorial_cnn", "freeze": "first", "size": 8}),
        SILENT,
    )
    assert all(parameter.requires_grad for parameter in stand.parts.module.parameters())


@pytest.mark.parametrize(("settled", "told"), [(True, True), (False, False)])
def test_a_disturbed_measurement_of_bfloat16_is_no_advice(
    settled: bool, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prediction that other work on the machine has made is kept back."""
    choice = Choice("bf16", 2.0, 0.001, 0.999, settled=settled)
    monkeypatch.setattr(advising, "has_bfloat16", lambda: True)
    monkeypatch.setattr(advising, "measure", lambda _parts: choice)
    flags = {advice.flag for advice in quick(precision="fp32").advice}
    assert ("--precision bf16" in flags) == told
