"""A network as the courses write it, `x.view(-1, 400)` and all, from class folders to answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

import lamplighter as lamp
from lamplighter.cli import run as command
from lamplighter.run import Run

NETS = """
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, outputs=2):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 12)
        self.fc2 = nn.Linear(12, outputs)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 16 * 5 * 5)
        return self.fc2(F.relu(self.fc1(x)))


class Lazy(nn.Module):
    def __init__(self, outputs=2):
        super().__init__()
        self.body = nn.Sequential(nn.LazyConv2d(6, 5), nn.ReLU(), nn.Flatten(), nn.LazyLinear(outputs))

    def forward(self, x):
        return self.body(x)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dark and bright pictures in class folders, and the networks beside them."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "coursenets.py").write_text(NETS)
    draw = np.random.default_rng(0)
    for name, low in (("dark", 0), ("bright", 128)):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(24):
            pixels = draw.integers(low, low + 120, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(place: Path) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        return lamp.train(
            place / "pictures", model="coursenets:Net", size=32, epochs=3, batch=8,
            out=place / "runs", name="viewed",
        )  # fmt: skip


def test_it_trains_and_answers_for_files(run: Run, place: Path) -> None:
    """The format that it needs is chosen, recorded, and kept wherever it answers."""
    assert run.state == "finished"
    resolved = (run.path / "recipe.toml").read_text().partition("[resolved]")[2]
    assert 'memory_format = "contiguous"' in resolved
    import coursenets  # type: ignore[import-not-found]

    model = lamp.load(run.artifact, own=coursenets.Net)
    pictures = sorted((place / "pictures" / "bright").iterdir())[:3]
    assert [found.label for found in model.predict(pictures)] == ["bright"] * 3


def test_its_report_shows_where_it_looked(run: Run) -> None:
    """A heat map needs a pass of its own, in the same format."""
    assert json.loads((run.path / "report.json").read_text())["n"] > 0


def test_it_becomes_a_file_for_other_runtimes(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 says that the answers agree."""
    monkeypatch.syspath_prepend(str(place))
    assert command(["export", str(run.path), "--to", "program", "--own", "coursenets:Net"]) == 0


def test_the_ejected_script_repeats_it(run: Run, place: Path) -> None:
    """To the last digit, in the format that the run had."""
    script = place / "ejected.py"
    assert command(["eject", str(run.path), "--out", str(script)]) == 0
    found = subprocess.run([sys.executable, str(script)], cwd=place, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    epochs = [json.loads(line) for line in found.stdout.splitlines() if '"epoch"' in line]
    assert [row["val_loss"] for row in epochs] == [row["val_loss"] for row in run.rows]


def test_lazy_layers_train(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(place))
    run = lamp.train(
        place / "pictures",
        model="coursenets:Lazy",
        size=32,
        epochs=1,
        out=place / "runs",
        name="lazy",
    )
    assert run.state == "finished"


def test_after_fit_the_file_answers_as_the_network(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained on one's own tensors it is left as it is, also when it is loaded again."""
    monkeypatch.syspath_prepend(str(place))
    import coursenets

    images = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = (images.mean((1, 2, 3)) > 0.5).long()
    network = coursenets.Net()
    run = lamp.fit(
        network, TensorDataset(images[:30], labels[:30]), TensorDataset(images[30:], labels[30:]),
        epochs=1, out=tmp_path, name="own",
    )  # fmt: skip
    answer = lamp.load(run.artifact, own=coursenets.Net).outputs(images[:4])
    with torch.no_grad():
        torch.testing.assert_close(answer, network.eval()(images[:4]))


@pytest.mark.parametrize("asked", ["auto", "channels_last", "contiguous"])
def test_fit_lays_a_network_out_when_asked(asked: str, tmp_path: Path) -> None:
    """`auto` leaves it as its owner laid it out, and records which that was."""
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.LazyLinear(2)
    )
    network(torch.zeros(1, 3, 8, 8))
    given = torch.contiguous_format if asked == "channels_last" else torch.channels_last
    network.to(memory_format=given)
    data = TensorDataset(torch.rand(16, 3, 8, 8), torch.arange(16) % 2)
    run = lamp.fit(network, data, epochs=1, out=tmp_path, name="laid", memory_format=asked)
    expected = "contiguous" if asked == "contiguous" else "channels_last"
    assert f'memory_format = "{expected}"' in (run.path / "recipe.toml").read_text()
    assert network[0].weight.is_contiguous() is (expected == "contiguous")


MORE = """
from dataclasses import dataclass

import torch
import torch.nn as nn

ready = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(900, 2))


@dataclass
class Answer:
    logits: torch.Tensor


class Named(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.LazyConv2d(4, 3, 2), nn.Flatten(), nn.LazyLinear(num_classes))

    def forward(self, x):
        return Answer(self.body(x))


class Normed(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.layer = nn.utils.weight_norm(nn.Linear(3 * 32 * 32, num_classes))

    def forward(self, x):
        return self.layer(x.flatten(1))


def published():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 1000))
"""


@pytest.mark.parametrize("name", ["ready", "Named"])
def test_what_is_ejected_repeats_it_to_the_last_digit(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers made when the file is imported; lazy ones, whose answers come in an object."""
    module = f"more{name.lower()}"  # imported anew, as by a command
    (place / f"{module}.py").write_text(MORE)
    monkeypatch.syspath_prepend(str(place))
    run = lamp.train(
        place / "pictures", model=f"{module}:{name}", size=32, epochs=1, batch=8, checks="off",
        out=place / "runs", name=name, tensorboard=False,
    )  # fmt: skip
    script = place / f"again_{name}.py"
    assert command(["eject", str(run.path), "--out", str(script)]) == 0
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, cwd=place
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first = json.loads(done.stdout.splitlines()[0])
    assert first["train_loss"] == run.rows[0]["train_loss"]


def test_a_ready_made_network_begins_anew_in_each_training(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second training in one process went on with the weights of the first."""
    (place / "moretwice.py").write_text(MORE)
    monkeypatch.syspath_prepend(str(place))
    losses = [
        lamp.train(
            place / "pictures", model="moretwice:ready", size=32, epochs=1, batch=8, checks="off",
            out=place / "runs", name=f"twice{number}", tensorboard=False,
        ).rows[0]["train_loss"]
        for number in range(2)
    ]  # fmt: skip
    assert losses[0] == losses[1]


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
@pytest.mark.filterwarnings("ignore:The tensor attribute")
def test_weight_norm_as_older_courses_write_it_is_exported(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weight is computed, and torch does not copy such a tensor."""
    (place / "morenormed.py").write_text(MORE)
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.chdir(place)
    run = lamp.train(
        place / "pictures", model="morenormed:Normed", size=32, epochs=1, batch=8, checks="off",
        out=place / "runs", name="normed", tensorboard=False,
    )  # fmt: skip
    written = ["--to", "program", "--own", "morenormed:Normed", "--out", str(place / "normed.pt2")]
    assert command(["export", str(run.path), *written]) == 0


def test_a_network_for_other_classes_is_refused_before_the_training(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """1,000 outputs for two classes trained to the end, and had no report."""
    (place / "morepublished.py").write_text(MORE)
    monkeypatch.chdir(place)
    trained = ["train", "pictures", "--model", "morepublished:published", "--out", "refused"]
    assert command([*trained, "--size", "32"]) == 4
    assert "1,000 numbers per picture, and the data have 2 classes" in capsys.readouterr().err
    assert not (place / "refused").exists()
