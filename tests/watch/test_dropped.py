"""M114: a line that computes a result and drops it, in whatever function of the user's runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.watch import Watch

PROGRAM = """
import random
import numpy as np
import torch
import torchvision.transforms.functional as TF
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T

torch.manual_seed(0)
data = np.random.default_rng(0).random((120, 8, 8)).astype("float32")
normalize = T.Normalize([0.5], [0.5])


class Pictures(Dataset):
    def __len__(self):
        return 120

    def __getitem__(self, index):
        picture = data[index]
        label = int(picture[0, 0] > 0.5)
        kept = []
        kept.append(label)
        if index % 2 == 0:
            {in_reading}
        image = torch.from_numpy(picture.copy())[None]
        {with_tensor}
        return image, label


def step(x, y):
    {in_step}
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()


model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters())
for x, y in DataLoader(Pictures(), 20, shuffle=True):
    step(x, y)
"""
DIRTY = [
    ("in_reading", "np.fliplr(picture)"),
    ("in_reading", "picture.astype('float64')"),
    ("with_tensor", "normalize(image)"),
    ("with_tensor", "TF.hflip(image)"),
    ("with_tensor", "image.div(2)"),
    ("in_step", "x.sub(0.5)"),
    ("in_step", "torch.flip(x, [3])"),
]
CLEAN = [
    ("in_reading", "picture = np.fliplr(picture)"),
    ("with_tensor", "T.Normalize([0.5], [0.5], inplace=True)(image)"),
    ("with_tensor", "image.div_(2)"),
    ("in_step", "model.to('cpu')"),
    ("in_step", "model.float()"),
    ("in_step", "random.shuffle([1, 2])"),
    ("in_step", "torch.clamp(x, 0, 1, out=x)"),
]
PLACES = ("in_reading", "with_tensor", "in_step")


def observed(
    place: str, line: str, tmp_path: Path, observe: Callable[[Path], Watch]
) -> tuple[Watch, int]:
    """The watch over the program with a line put in, and that line's number."""
    text = PROGRAM.format(**(dict.fromkeys(PLACES, "pass") | {place: line}))
    path = tmp_path / "program.py"
    path.write_text(text)
    return observe(path), text[: text.index(line)].count("\n") + 1


@pytest.mark.parametrize(("place", "line"), DIRTY)
def test_dropped_result_is_told_at_its_line(
    place: str, line: str, tmp_path: Path, observe: Callable[[Path], Watch]
) -> None:
    """A pure function of NumPy, torch or torchvision whose result nobody takes, before step 1."""
    watching, number = observed(place, line, tmp_path, observe)
    assert [(f.code, f.level, f.line, f.step) for f in watching.findings] == [
        ("M114", "error", number, 0)
    ]
    assert "computed and thrown away" in watching.findings[0].message
    assert watching.faults == []


@pytest.mark.parametrize(("place", "line"), CLEAN)
def test_call_with_an_effect_stays_silent(
    place: str, line: str, tmp_path: Path, observe: Callable[[Path], Watch]
) -> None:
    """What works in place, on a module or on Python's own things may stand alone."""
    watching, _ = observed(place, line, tmp_path, observe)
    assert watching.findings == []
    assert watching.faults == []


def test_trace_function_is_put_back(tmp_path: Path, observe: Callable[[Path], Watch]) -> None:
    """Reading samples leaves Python's trace function as it was."""
    before = sys.gettrace()
    observed("in_reading", "pass", tmp_path, observe)
    assert sys.gettrace() is before
