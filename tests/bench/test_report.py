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
from lamplighter.bench.stand import PARTS, Stand, of_pictures
from lamplighter.benching import bench_data
from lamplighter.cli import run
from lamplighter.errors import RunFailed
from lamplighter.listener import SILENT
from lamplighter.recipe import make_recipe
from lamplighter.stages import open_data
from lamplighter.training.journal import RunJournal
from lamplighter.training.loop import StepLog
from lamplighter.training.measure_precision import Choice


def quick(*, try_all: bool = False, **settings: Any) -> report.Bench:
    """A bench of the built-in digits in a second."""
    recipe = make_recipe({"data": "digits", "model": "tutorial_cnn", "size": 8, **settings})
    return bench_data(recipe, seconds=0.2, try_all=try_all)


def stand_on(settings: dict[str, Any]) -> Stand:
    recipe = make_recipe(settings)
    return Stand(of_pictures(recipe, open_data(recipe), SILENT))


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
    stand = stand_on({"data": "digits", "model": "tutorial_cnn"})
    module, loss = stand.parts.module, stand.parts.loss
    stand.loop(0.01)
    assert stand.parts.module is module
    assert stand.parts.loss is loss


SETS = """
import time
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

class Slow(Dataset):
    def __len__(self):
        return 512

    def __getitem__(self, index):
        time.sleep(0.002)
        return torch.zeros(4), index % 2

def slow():
    return Slow()

def loader():
    return DataLoader(Slow(), batch_size=4)

def whole():
    return TensorDataset(torch.zeros(512, 4), torch.arange(512) % 2)

class Net(nn.Sequential):
    def __init__(self, outputs=2):
        super().__init__(nn.Linear(4, outputs))
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "benchsets.py").write_text(SETS)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("slow", {}, "--workers 2 reads them in processes"),
        ("slow", {"workers": 1}, "what does your __getitem__ do each time"),
        ("loader", {}, "num_workers=2 in your DataLoader"),
        ("whole", {}, ""),
    ],
)
def test_own_sets_that_wait_are_told_what_reads_them_sooner(
    name: str, settings: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice is for who makes the batches: our workers, or the loader that was handed over."""
    monkeypatch.setattr(advising, "cores", lambda: 2)
    monkeypatch.setattr(advising, "WAITING", 0.5)
    recipe = make_recipe({"data": f"benchsets:{name}", "model": "benchsets:Net", **settings})
    found = bench_data(recipe, seconds=0.2)
    assert found.unit == "examples"
    about_data = [each.text for each in found.advice if "your data" in each.text]
    assert len(about_data) == bool(told)
    assert told in "".join(about_data)
    assert not any("--batch" in each.text for each in found.advice if name == "loader")


@pytest.mark.usefixtures("own")
def test_workers_for_own_sets_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """And torch.compile is not: such trainings use it only when asked."""
    monkeypatch.setattr(advising, "cores", lambda: 2)
    monkeypatch.setattr(report, "try_compiling", lambda *_: pytest.fail("not for own sets"))
    recipe = make_recipe({"data": "benchsets:slow", "model": "benchsets:Net"})
    flags = [row["flag"] for row in bench_data(recipe, seconds=0.2, try_all=True).tried]
    assert "--workers 2" in flags


@pytest.mark.usefixtures("own")
def test_own_sets_need_a_network_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "benchsets:slow"]) == 2
    assert "name the network that takes them" in capsys.readouterr().err


def test_logging_is_what_counts_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that takes its time is seen in the share of logging and in no other one."""
    stand = stand_on({"data": "digits", "model": "tutorial_cnn", "size": 8})
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
    stand = stand_on({"data": "digits", "model": "tutorial_cnn", "size": 8, "batch": 512})
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
    stand = stand_on({"data": "digits", "model": "tutorial_cnn", "freeze": "first", "size": 8})
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
