"""Y108, Y112, S101 and S108 where masks, labels and samples come another way than by torch's loaders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import functional as TF

torch.manual_seed(0)
rng = np.random.default_rng(0)
x = torch.randn(400, 8)
y = (x[:, 0] + x[:, 1] > 0).long()


class Scenes(Dataset):
    def __len__(self):
        return 80

    def __getitem__(self, i):
        draw = np.random.default_rng(i)
        mask = np.zeros((24, 24), np.uint8)
        mask[4:14, 2 + i % 8 : 12 + i % 8] = 3
        picture = torch.tensor(mask * 0.2 + draw.normal(0, 0.1, (24, 24)), dtype=torch.float32)
        return TF.resize(picture[None], [16, 16]), self.small(mask).long()


def fit(net, inputs, labels, loss=F.cross_entropy):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    net.train()
    for part in torch.randperm(len(inputs)).split(20):
        optimizer.zero_grad()
        loss(net(inputs[part]), labels[part]).backward()
        optimizer.step()
    net.eval()


def network(outputs):
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, outputs))


def right(net, inputs, labels):
    with torch.no_grad():
        return (net(inputs).argmax(1) == labels).float().mean().item()
"""
MASKS = """
Scenes.small = lambda self, mask: {small}
net = nn.Conv2d(1, 4, 3, padding=1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for picture, mask in DataLoader(Scenes(), 8, shuffle=True):
    optimizer.zero_grad()
    F.cross_entropy(net(picture), mask).backward()
    optimizer.step()
"""
BY_PILLOW = "torch.tensor(np.array(Image.fromarray(mask).resize((16, 16), {way})))"
BY_TORCHVISION = "TF.resize(torch.tensor(mask)[None].float(), [16, 16], {way})[0]"
FEW = "marks = (x[:, :1] > {cut}).float()\nfit(network(1), x, marks, F.binary_cross_entropy_with_logits)\n"
PART = """
x_train, x_test, y_train, y_test = x[:300], x[300:], y[:300], y[300:]
net = network(2)
fit(net, {inputs}, {labels})
print(right(net, x_test, y_test))
"""
CHOSEN = """
net, best = network(2), 0.0
x_train, x_{part}, y_train, y_{part} = x[:300], x[300:], y[:300], y[300:]
for epoch in range(4):
    fit(net, x_train, y_train)
    share = right(net, x_{part}, y_{part})
    if share > best:
        best, kept = share, {{k: v.clone() for k, v in net.state_dict().items()}}
"""
NEAREST = "TF.InterpolationMode.NEAREST"
CASES = [
    ("Y108", "error", MASKS, {"small": BY_PILLOW.format(way="Image.BILINEAR")}, "invents classes"),
    ("", "", MASKS, {"small": BY_PILLOW.format(way="Image.NEAREST")}, ""),
    (
        "Y108",
        "error",
        MASKS,
        {"small": BY_TORCHVISION.format(way="TF.InterpolationMode.BILINEAR")},
        "invents classes",
    ),
    ("", "", MASKS, {"small": BY_TORCHVISION.format(way=NEAREST)}, ""),
    ("Y112", "warning", FEW, {"cut": 2.6}, "has"),
    ("", "", FEW, {"cut": 0.5}, ""),
    ("S101", "error", PART, {"inputs": "x", "labels": "y"}, "had been trained on before"),
    ("", "", PART, {"inputs": "x_train", "labels": "y_train"}, ""),
    ("S108", "warning", CHOSEN, {"part": "test"}, "chosen by its score"),
    ("", "", CHOSEN, {"part": "val"}, ""),
]


@pytest.mark.parametrize(("code", "level", "text", "given", "message"), CASES)
def test_mistake_is_told_and_its_mending_is_not(
    code: str,
    level: str,
    text: str,
    given: dict[str, object],
    message: str,
    tmp_path: Path,
    observe: Callable[[Path], Watch],
) -> None:
    """Each program with its mistake, and the same without."""
    path = tmp_path / "program.py"
    path.write_text(HEAD + text.format(**given))
    watching = observe(path)
    assert watching.faults == []
    found = [f for f in watching.findings if f.level != "info"]
    assert [(f.code, f.level) for f in found] == ([(code, level)] if code else [])
    assert all(message in f.message for f in found)
