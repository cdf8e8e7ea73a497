"""What stands above the code: what the file is, how to run it, what cannot be equal, the imports."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from lamplighter.artifact import Artifact
from lamplighter.export.ejected.network import Built
from lamplighter.export.ejected.past import Origin, Past
from lamplighter.recipe import FIELDS
from lamplighter.version import __version__

WIDTH = 100  # columns of the file
MOST = 160  # letters of a text from outside
# Every setting: those that the file repeats, and those that change nothing about the figures. A
# setting that is in neither is told in the head.
REPEATED = frozenset([
    "data", "data_root", "task", "size", "fit", "channels", "normalise", "augment", "model",
    "weights", "freeze", "init", "activation", "epochs", "batch", "accumulate", "lr", "backbone_lr",
    "optimizer", "momentum", "weight_decay", "schedule", "warmup", "loss", "smoothing",
    "class_weights", "clip", "patience", "seed", "device", "precision", "memory_format", "tensorboard", "views",
    "grow_from", "focus",
    # in split.csv
    "path_column", "label_column", "group_column", "split_column", "val_share", "test_share",
    "skip_unreadable", "split_seed",
])  # fmt: skip
WITHOUT_EFFECT = frozenset([
    "download", "cache", "checks", "allow", "workers", "deterministic", "out", "name", "save_every",
    "stall_after", "compile",
    # has an effect only where it ended the training, which metrics.jsonl shows
    "time_limit",
])  # fmt: skip


def head_of(
    past: Past,
    artifact: Artifact,
    origin: Origin,
    network: Built,
    reasons: tuple[str, ...],
    file: str,
) -> str:
    """The docstring of the file."""
    name = plain(artifact.architecture.name)
    lines = [
        f'"""Trains {name} on {plain(_data(past))}: plain PyTorch, from pictures to figures.',
        "",
    ]
    calls = [(f"python {plain(file)}", "repeats the run")]
    if origin.kind in ("files", "torchvision"):
        calls.append((f"python {plain(file)} FOLDER", "the same data, lying elsewhere"))
    width = max(len(call) for call, _ in calls)
    lines += [f"    {call.ljust(width)}   # {told}" for call, told in calls] + [""]
    torch, threads = past.environment.get("torch", "?"), past.environment.get("threads", 1)
    some = "1 thread" if threads == 1 else f"{threads} threads"
    told = f"Written by `lamp eject` from the run {past.name}. "
    if reasons:
        told += "The losses will be near those of the run, but not the same to the last digit:"
    else:
        told += (
            "Each epoch's losses are those of the run's metrics.jsonl to the last digit, on the CPU "
            f"of the run, with torch {torch} and {some} as there."
        )
    lines += _wrapped(plain(told, most=400))
    for reason in reasons:
        lines += _wrapped(plain(reason, most=400), first="- ", then="  ")
    lines += [line for note in network.notes for line in _wrapped(plain(note))]
    return "\n".join([*lines, '"""'])


def _data(past: Past) -> str:
    """The data's last name: of /home/me/photos/ it is photos."""
    return re.split(r"[/\\]", past.recipe.data.rstrip("/\\"))[-1] or "data"


def _wrapped(text: str, first: str = "", then: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False
    )


def plain(text: object, most: int = MOST) -> str:
    """A text from outside without anything that could end a docstring or hide on the screen."""
    shown = "".join(c if c.isprintable() and c not in '"\\' else "?" for c in str(text))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def reasons_of(past: Past, origin: Origin) -> tuple[str, ...]:
    """Why the file's figures will differ from the run's in the last digits, if they will."""
    return (*origin.reasons, *_of_settings(past))


def _of_settings(past: Past) -> Iterator[str]:
    recipe = past.recipe
    if not recipe.device.startswith("cpu"):
        yield f"the run trained on {recipe.device}: such a device adds up in an order of its own"
    made_with = past.environment.get("lamplighter", __version__)
    if made_with != __version__:
        yield f"the run was made by Lamplighter {made_with}, this file by {__version__}"
    for key, field in FIELDS.items():
        value = getattr(recipe, key)
        if key not in REPEATED | WITHOUT_EFFECT and value != field.default:
            yield f"{key} = {value} is not repeated: there are no words for it here yet"
    if past.unreadable:
        yield (
            f"{past.unreadable} test pictures could not be read and were not counted; here the test "
            "ends at the first of them: take their lines out of the table of the splits"
        )


IMPORTS: tuple[tuple[str, str], ...] = (
    ("import csv", r"\bcsv\."),
    ("import json", r"\bjson\."),
    ("import math", r"\bmath\."),
    ("import random", r"\brandom\.seed"),
    ("import sys", r"\bsys\."),
    ("from collections import OrderedDict", r"\bOrderedDict\("),
    ("from concurrent.futures import ThreadPoolExecutor", r"\bThreadPoolExecutor\("),
    ("from functools import cache", r"^@cache"),
    ("from functools import partial", r"\bpartial\("),
    ("from pathlib import Path", r"\bPath\("),
)
OTHERS: tuple[tuple[str, str], ...] = (
    ("import numpy as np", r"\bnp\."),
    ("import timm", r"\btimm\."),
    ("import torch", r"\btorch\."),
    ("import torch.nn.functional as F", r"\bF\."),
    ("from PIL import Image", r"\bImage\."),
    ("from PIL import ImageOps", r"\bImageOps\."),
    ("from safetensors.torch import load_file", r"\bload_file\("),
    ("from sklearn.datasets import load_digits", r"\bload_digits\("),
    ("from torch import nn", r"\bnn\."),
    ("from torch.utils.data import DataLoader, Dataset", r"\bDataset\b"),
    ("from torch.utils.tensorboard import SummaryWriter", r"\bSummaryWriter\("),
    ("from torchvision import datasets", r"\bdatasets\.\w+\(DATA"),
    ("from torchvision import models", r"\bmodels\.\w+\("),
    (
        "from torchvision.models.vision_transformer import interpolate_embeddings",
        r"\binterpolate_embeddings\(",
    ),
    ("from torchvision.transforms import v2", r"\bv2\.(?!Random)"),
)


def imports_of(body: str, network: Built, origin: Origin) -> str:
    """The imports that the code needs, sorted as ruff sorts them."""
    own = [*network.imports]
    if origin.kind == "own":
        module, _, name = origin.name.partition(":")
        own.append(f"from {module} import {name.partition('.')[0]}")
    standard = [line for line, used in IMPORTS if re.search(used, body, re.MULTILINE)]
    others = [line for line, used in OTHERS if re.search(used, body, re.MULTILINE)]
    return "\n".join(_sorted(standard)) + "\n\n" + "\n".join(_sorted([*others, *own]))


def _sorted(lines: list[str]) -> list[str]:
    """Plain imports first, then those from a module, one line for each module."""
    plain_ones = sorted(line for line in lines if line.startswith("import"))
    names: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("from"):
            _, module, _, taken = line.split(" ", 3)
            names.setdefault(module, set()).update(taken.split(", "))
    modules = sorted(names, key=str.lower)
    return plain_ones + [f"from {m} import {', '.join(sorted(names[m]))}" for m in modules]
