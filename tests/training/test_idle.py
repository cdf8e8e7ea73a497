"""Settings that were asked for and do nothing: each is told with the reason, the others are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import lamplighter as lamp
from lamplighter.listener import Listener


class Heard(Listener):
    """Keeps the warnings about settings."""

    def __init__(self) -> None:
        self.idle: list[str] = []

    def warn(self, text: str) -> None:
        if "does nothing here" in text:
            self.idle.append(text)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of small pictures in train and val, and a table of a number for each."""
    place = tmp_path_factory.mktemp("idle")
    generator = np.random.default_rng(0)
    rows = ["path,label"]
    for split, name in ((s, n) for s in ("train", "val") for n in ("a", "b")):
        (place / "split" / split / name).mkdir(parents=True)
        for i in range(16):
            pixels = generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / "split" / split / name / f"{i}.png")
            rows.append(f"split/{split}/{name}/{i}.png,{i / 7}")
    (place / "numbers.csv").write_text("\n".join(rows))
    return place


def trained(source: Path, out: Path, **settings: Any) -> tuple[Any, list[str]]:
    heard = Heard()
    named = {"model": "tutorial_cnn", "size": 12, "epochs": 1, "checks": "off", "batch": 8}
    run = lamp.train(
        source, out=str(out), tensorboard=False, listener=heard, **{**named, **settings}
    )
    return run, heard.idle


def test_settings_that_do_nothing_are_told(data: Path, tmp_path: Path) -> None:
    """What depends on the data, the optimizer, the schedule and the network."""
    _, told = trained(
        data / "split", tmp_path, val_share=0.3, group_column="patient", momentum=0.5, warmup=1,
        model="small_resnet", activation="relu", schedule="one-cycle",
    )  # fmt: skip
    assert told == [
        "--momentum 0.5 does nothing here: it is of SGD and RMSprop; AdamW has its own",
        "--warmup 1.0 does nothing here: one-cycle rises by itself in its first 30 %",
        "--activation relu does nothing here: only tutorial_cnn takes it",
        "--val-share 0.3 does nothing here: the data have a val split of their own",
        "--group-column patient does nothing here: the data are no table (class folders, split "
        "train/val)",
    ]
    _, told = trained(
        data / "numbers.csv", tmp_path, task="regression", smoothing=0.1, class_weights="balanced",
        label_column="label",
    )  # fmt: skip
    assert told == [
        "--smoothing 0.1 does nothing here: it is of cross entropy, which is for classes",
        "--class-weights balanced does nothing here: numbers have no classes",
    ]


def test_settings_that_work_are_not_told(data: Path, tmp_path: Path) -> None:
    """Nor is anything told when a run goes on with what it chose."""
    run, told = trained(
        data / "split", tmp_path, optimizer="SGD", momentum=0.5, warmup=0.5, schedule="cosine",
        activation="relu", smoothing=0.1, class_weights="balanced", test_share=0.1,
    )  # fmt: skip
    assert told == []
    heard = Heard()
    lamp.train(resume=run, epochs=2, listener=heard)
    assert heard.idle == []


def test_settings_beside_own_objects(tmp_path: Path) -> None:
    """An optimizer, a loader, a loss and pictures of one's own bring what a setting would say."""
    rows, kinds = torch.randn(40, 4), torch.arange(40) % 2
    both = TensorDataset(rows, kinds)
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    heard = Heard()
    common = {"epochs": 1, "checks": "off", "tensorboard": False, "out": str(tmp_path)}
    lamp.fit(
        net, DataLoader(both, 8), both, optimizer=optimizer, loss=nn.CrossEntropyLoss(), lr=0.5,
        smoothing=0.1, batch=4, class_weights="balanced", listener=heard, **common,
    )  # fmt: skip
    assert heard.idle == [
        "--class-weights balanced does nothing here: your own objects are taken as they are",
        "--lr 0.5 does nothing here: the optimizer that you made has its own",
        "--smoothing 0.1 does nothing here: it is of our own cross entropy",
        "--batch 4 does nothing here: the loader that you made has its own",
    ]
    heard = Heard()
    lamp.fit(
        net, both, both, optimizer="SGD", lr=0.5, momentum=0.5, batch=4, listener=heard, **common
    )
    assert heard.idle == []
