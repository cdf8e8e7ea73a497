"""What Lamplighter writes for TensorBoard is what TensorBoard reads."""

from __future__ import annotations

import copy
import io
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch import nn

from lamplighter.run_folder import RunFolder
from lamplighter.training import events
from lamplighter.training.drawing import graph_of, settings_of
from lamplighter.training.events import EventFile
from lamplighter.training.journal import RunJournal, sheet_of


def read(folder: Path) -> Any:
    found = EventAccumulator(str(folder), {"scalars": 0, "images": 0, "tensors": 0})
    found.Reload()
    return found


@pytest.mark.parametrize("count", [4, 9, 63, 64, 65, 5000])
def test_sums(count: int) -> None:
    """The sum of any length is the CRC-32C that TensorBoard's own writer makes."""
    data = np.random.default_rng(count).bytes(count)
    assert events._sum_of_one(np.frombuffer(data, np.uint8)) == crc32c(data) & 0xFFFFFFFF


@pytest.mark.parametrize("first", [0, 1, 100, 16_300, 2_097_100])
def test_series(first: int, tmp_path: Path) -> None:
    """Numbers of consecutive steps are read as they were written, also where a step takes a byte more."""
    file = EventFile(tmp_path)
    losses = [math.sqrt(n) for n in range(200)]
    file.series(first, {"step/train_loss": losses, "step/lr": [0.1] * 200})
    file.close()
    read_back = read(tmp_path).Scalars("step/train_loss")
    assert [event.step for event in read_back] == list(range(first, first + 200))
    assert [event.value for event in read_back] == [float(np.float32(loss)) for loss in losses]
    assert {event.value for event in read(tmp_path).Scalars("step/lr")} == {float(np.float32(0.1))}


def test_numbers_that_32_bits_cannot_hold(tmp_path: Path) -> None:
    """What is too large for TensorBoard's numbers is written as infinity, without a word."""
    file = EventFile(tmp_path)
    file.scalars(1, {"loss/val": 1e300})
    file.series(1, {"step/train_loss": [1e300, math.nan]})
    file.close()
    found = read(tmp_path)
    assert found.Scalars("loss/val")[0].value == math.inf
    assert math.isnan(found.Scalars("step/train_loss")[1].value)


def test_what_was_written_after_a_resume_is_void(tmp_path: Path) -> None:
    """Of steps that are trained again TensorBoard shows the later numbers alone."""
    before = EventFile(tmp_path)
    before.series(1, {"step/train_loss": [1.0] * 10})
    before.close()
    after = EventFile(tmp_path, purge_step=6)
    after.series(6, {"step/train_loss": [2.0] * 5})
    after.begin_session(9)
    after.series(9, {"step/train_loss": [3.0] * 2})
    after.close()
    found = [(event.step, event.value) for event in read(tmp_path).Scalars("step/train_loss")]
    assert found == [(n, 1.0) for n in range(1, 6)] + [(n, 2.0) for n in (6, 7, 8)] + [
        (9, 3.0), (10, 3.0),
    ]  # fmt: skip


def test_a_run_in_tensorboard(tmp_path: Path) -> None:
    """TensorBoard reads a run's numbers, pictures with their captions, graph and result."""
    folder = RunFolder(tmp_path)
    journal = RunJournal(folder)
    pictures = torch.rand(3, 1, 5, 4)
    journal.pictures("pictures/train", pictures, ("a_b",), 7)
    journal.graph(nn.Sequential(nn.Flatten(), nn.Linear(20, 2)), pictures[:1])
    journal.epoch({"epoch": 1, "step": 40, "val_loss": 0.5, "lr": 0.1, "is_best": True})
    journal.result({"lr": 0.1}, {"accuracy": 0.75})
    journal.close()
    found = read(tmp_path)
    assert found.Scalars("loss/val")[0].value == 0.5
    assert found.Scalars("loss/val")[0].step == 40
    assert found.Scalars("result/accuracy")[0].value == 0.75
    assert "Linear" in str(found.Graph())
    image = found.Images("pictures/train")[0]
    sheet = np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))
    assert (image.step, image.height, image.width) == (7, *sheet.shape[:2])
    assert np.array_equal(sheet, sheet_of(pictures).numpy())
    assert "a&#95;b" in str(found.Tensors("pictures/train/captions/text_summary"))


@pytest.mark.parametrize(("count", "channels"), [(2, 3), (8, 1), (11, 3)])
def test_sheets_are_torchvisions(count: int, channels: int) -> None:
    """A sheet of pictures is that of torchvision's make_grid."""
    from torchvision.utils import make_grid

    pictures = torch.rand(count, channels, 6, 5)
    theirs = make_grid(pictures, nrow=8).mul(255).add(0.5).byte().permute(1, 2, 0)
    assert torch.equal(sheet_of(pictures), theirs)


class Branched(nn.Module):
    """A block with a way round it, and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(inplace=True))
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(12, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.drop((images + self.block(images)).flatten(1)))


def test_a_graph_shows_each_operation_in_its_layer() -> None:
    """Names, inputs and sizes of all operations, where ways part and meet as well."""
    graph = GraphDef.FromString(graph_of(Branched(), torch.zeros(1, 3, 2, 2)))
    found = {node.name: list(node.input) for node in graph.node}
    assert found == {
        "input": [],
        "Branched/Sequential[block]/Conv2d[0]/conv2d": ["input"],
        "Branched/Sequential[block]/ReLU[1]/relu": ["Branched/Sequential[block]/Conv2d[0]/conv2d"],
        "Branched/add": ["input", "Branched/Sequential[block]/ReLU[1]/relu"],
        "Branched/flatten": ["Branched/add"],
        "Branched/Dropout[drop]/dropout": ["Branched/flatten"],
        "Branched/Linear[head]/linear": ["Branched/Dropout[drop]/dropout"],
        "output": ["Branched/Linear[head]/linear"],
    }
    sizes = {n.name: n.attr["_output_shapes"].list.shape for n in graph.node}
    assert [d.size for d in sizes["Branched/flatten"][0].dim] == [1, 12]


def test_drawing_changes_nothing() -> None:
    """Modes, weights, statistics, hooks and random numbers are afterwards as they were."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten())
    network[1].eval()
    before, state = torch.get_rng_state(), copy.deepcopy(network.state_dict())
    graph_of(network, torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(torch.get_rng_state(), before)
    assert [layer.training for layer in network] == [True, False, True, True]
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in network.modules())


def test_settings_are_those_of_torchs_own_writer() -> None:
    """The table of hyperparameters holds numbers, words and figures as torch's writer keeps them."""
    from torch.utils.tensorboard.summary import hparams

    values = {"lr": 0.1, "model": "x", "nesterov": True, "epochs": 3}
    for theirs, ours in zip(
        hparams(values, {"result/accuracy": 0.5}),
        settings_of(values, ["result/accuracy"]),
        strict=True,
    ):
        found = Summary.FromString(ours)
        assert found.value[0].tag == theirs.value[0].tag
        told, meant = (s.value[0].metadata.plugin_data for s in (found, theirs))
        assert HParamsPluginData.FromString(told.content) == HParamsPluginData.FromString(
            meant.content
        )


def test_a_run_writes_its_events_without_tensorboard(tmp_path: Path) -> None:
    """Pictures, captions, graph, numbers and settings import neither TensorBoard nor protobuf."""
    code = """
import sys, pathlib, torch
from torch import nn
from lamplighter.run_folder import RunFolder
from lamplighter.training.journal import RunJournal
journal = RunJournal(RunFolder(pathlib.Path(sys.argv[1])))
pictures = torch.rand(3, 1, 5, 4)
journal.pictures("pictures/train", pictures, ("a",), 7)
journal.graph(nn.Sequential(nn.Flatten(), nn.Linear(20, 2)), pictures[:1])
journal.epoch({"epoch": 1, "step": 40, "val_loss": 0.5})
journal.result({"lr": 0.1, "model": "x"}, {"accuracy": 0.75})
journal.close()
names = ("tensorboard", "google.protobuf", "sympy", "torch.utils.tensorboard", "torch._dynamo")
print([name for name in names if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
