"""Outcomes to test with: real answers of a quick model on digits, and small made-up ones."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from lamplighter.evaluation.outcome import Outcome


def _make(labels, logits, classes, *, split="val", task="classification", **more):
    keys = tuple(f"{split}/{i}.jpg" for i in range(len(labels)))
    dtype = {"classification": np.int64, "multilabel": np.uint8, "regression": np.float32}[task]
    return Outcome(
        keys=keys,
        paths=keys,
        labels=np.asarray(labels, dtype),
        logits=np.asarray(logits, np.float32),
        classes=tuple(classes),
        split=split,
        task=task,
        **more,
    )


@pytest.fixture(scope="session")
def make():
    """labels, logits, classes → an outcome with made-up keys."""
    return _make


@pytest.fixture(scope="session")
def sure(make):
    """labels, answers, classes, probability → an outcome whose answers are all equally sure."""

    def build(labels, answers, classes, probability=0.9, **more):
        k = len(classes)
        share = np.full((len(labels), k), (1 - probability) / (k - 1))
        share[np.arange(len(labels)), answers] = probability
        return make(labels, np.log(share), classes, **more)

    return build


@pytest.fixture(scope="session")
def digits(make):
    """The outcomes (val, test) of a logistic regression on few digits: real logits, 92 % right."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    train, val, test = order[:300], order[300:1000], order[1000:]
    model = LogisticRegression(C=100, max_iter=2000).fit(data.data[train] / 16, data.target[train])
    classes = tuple(str(c) for c in range(10))

    def outcome(rows, split):
        logits = model.decision_function(data.data[rows] / 16)
        return make(data.target[rows], logits, classes, split=split)

    return outcome(val, "val"), outcome(test, "test")


@pytest.fixture(scope="session")
def jpeg():
    """key → the bytes of a small JPEG."""
    buffer = BytesIO()
    Image.new("RGB", (160, 120), (200, 120, 40)).save(buffer, "JPEG")
    return lambda _key: buffer.getvalue()
