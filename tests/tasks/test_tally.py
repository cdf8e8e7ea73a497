"""Counting agrees with scikit-learn and torchmetrics, whatever the batches and the shape of the answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torchmetrics
from sklearn import metrics as sk
from torch import nn

from lamplighter.errors import DataError, UsageError
from lamplighter.tasks.tally import (
    ClassificationTally,
    LossTally,
    MultiLabelTally,
    RegressionTally,
    WithMetrics,
)
from lamplighter.tasks.task import TASKS, balanced_weights, encode, make_loss, probabilities
from lamplighter.training.parts import Progress


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def counted(tally, outputs, targets, loss=None, parts=(3, 7, 1, 40)):
    """The tally over unequal batches."""
    start = 0
    while start < len(outputs):
        size = parts[start % len(parts)]
        o, t = outputs[start : start + size], targets[start : start + size]
        tally.add(o, t, loss(o, t) if loss else torch.zeros(()), len(o))
        start += size
    return tally.result()


def test_loss_is_the_mean_over_examples() -> None:
    """The loss over unequal batches is that of all examples at once."""
    logits, labels = torch.randn(50, 4, generator=generator()), torch.arange(50) % 4
    found = counted(ClassificationTally(), logits, labels, nn.CrossEntropyLoss())
    assert found["loss"] == pytest.approx(nn.CrossEntropyLoss()(logits, labels).item(), rel=1e-6)
    assert found["accuracy"] == sk.accuracy_score(labels, logits.argmax(1))


def test_nothing_counted_is_no_figure() -> None:
    """Without an example the loss is not a number: never 0, which would be the best."""
    assert math.isnan(LossTally().result()["loss"])
    assert "accuracy" not in ClassificationTally().result()
    assert math.isnan(WithMetrics(LossTally(), {"m": lambda o, t: 1.0}).result()["loss"])


@pytest.mark.parametrize("shape", ["flat", "column", "both"])
@pytest.mark.parametrize("kind", [torch.float32, torch.int64])
def test_binary_single_logit(shape: str, kind: torch.dtype) -> None:
    """One logit per example counts as yes above 0, in whichever of the usual shapes it comes."""
    logits = torch.randn(60, 1, generator=generator())
    labels = torch.randint(0, 2, (60, 1), generator=generator(1)).to(kind)
    expected = sk.accuracy_score(labels.flatten().long(), logits.flatten() > 0)
    if shape == "flat":
        logits, labels = logits.flatten(), labels.flatten()
    if shape == "column":
        labels = labels.flatten()
    assert 0.2 < expected < 0.8
    assert counted(ClassificationTally(), logits, labels)["accuracy"] == expected


@pytest.mark.parametrize("dimension", [1, 2])
def test_sequences(dimension: int) -> None:
    """Each position of a sequence counts, but those labelled -100, with classes second or last."""
    logits = torch.randn(20, 5, 7, generator=generator())  # B, K, T
    labels = torch.randint(0, 5, (20, 7), generator=generator(1))
    labels[:, -2:] = -100
    oracle = torchmetrics.Accuracy("multiclass", num_classes=5, ignore_index=-100, average="micro")
    expected = float(oracle(logits, labels))
    given = logits if dimension == 1 else logits.transpose(1, 2)
    assert counted(ClassificationTally(), given, labels)["accuracy"] == pytest.approx(expected)


def test_maps() -> None:
    """Each pixel of a segmentation counts."""
    logits = torch.randn(6, 3, 4, 5, generator=generator())
    labels = torch.randint(0, 3, (6, 4, 5), generator=generator(1))
    expected = (logits.argmax(1) == labels).double().mean().item()
    assert counted(ClassificationTally(), logits, labels)["accuracy"] == pytest.approx(expected)


def test_all_ignored() -> None:
    """Where nothing was to be answered there is no accuracy."""
    tally = ClassificationTally()
    tally.add(torch.zeros(2, 3), torch.full((2,), -100), torch.zeros(()), 2)
    assert "accuracy" not in tally.result()


def test_soft_labels() -> None:
    """Mixed labels count as their largest share."""
    logits = torch.randn(30, 4, generator=generator())
    soft = torch.rand(30, 4, generator=generator(1))
    expected = sk.accuracy_score(soft.argmax(1), logits.argmax(1))
    assert counted(ClassificationTally(), logits, soft)["accuracy"] == expected


def test_structures_count_the_loss_alone() -> None:
    """Outputs that are no tensor are counted by their loss."""
    tally = ClassificationTally()
    tally.add({"a": 1}, [1, 2], torch.tensor(3.0), 2)
    assert tally.result() == {"loss": 3.0}


def test_multilabel() -> None:
    """F1 over all decisions and the share of rows all right are scikit-learn's."""
    logits = torch.randn(50, 4, generator=generator())
    labels = (torch.rand(50, 4, generator=generator(1)) > 0.6).float()
    found = counted(MultiLabelTally(), logits, labels)
    said = (logits > 0).int()
    assert found["f1"] == pytest.approx(sk.f1_score(labels, said, average="micro"))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(labels, said))


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("flat", [False, True])
def test_regression(offset: float, flat: bool) -> None:
    """Errors and explained variance are scikit-learn's, also far from zero and for flat targets."""
    truth = torch.randn(80, 1, generator=generator()) + offset
    answer = truth + 0.3 * torch.randn(80, 1, generator=generator(1))
    found = counted(RegressionTally(), answer, truth.flatten() if flat else truth)
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(truth, answer), rel=1e-5)
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(truth, answer), rel=1e-5)
    assert found["r2"] == pytest.approx(sk.r2_score(truth, answer), abs=1e-4)


def test_constant_truth_has_no_r2() -> None:
    """Where the truth never varies, no share of its variance can be explained."""
    assert "r2" not in counted(RegressionTally(), torch.randn(9, 1), torch.full((9, 1), 3.0))


def test_own_metrics() -> None:
    """A metric object is fed batch by batch, a function gets everything once; both are exact."""
    logits = torch.randn(50, 3, generator=generator())
    labels = torch.randint(0, 3, (50,), generator=generator(1))
    object_ = torchmetrics.F1Score("multiclass", num_classes=3, average="macro")
    object_.update(logits.flip(1), labels)  # of a run before; it has to be forgotten

    def macro(outputs, targets):
        return sk.f1_score(targets, outputs.argmax(1), average="macro")

    found = counted(WithMetrics(ClassificationTally(), {"a": object_, "b": macro}), logits, labels)
    expected = sk.f1_score(labels, logits.argmax(1), average="macro")
    assert found["a"] == pytest.approx(expected)
    assert found["b"] == pytest.approx(expected)


def test_best_is_never_nan() -> None:
    """An epoch whose loss or figure is not a number is never the best, not even the first."""
    task, progress = TASKS["classification"], Progress()
    nan = float("nan")
    for figures in ({"accuracy": 0.9, "loss": nan}, {"accuracy": nan, "loss": 0.1}, {}):
        progress.epoch += 1
        assert not progress.see(task, figures)
    assert (progress.best_epoch, progress.stale) == (0, 3)
    progress.epoch = 4
    assert progress.see(task, {"accuracy": 0.1, "loss": 5.0})
    assert not progress.see(task, {"accuracy": nan, "loss": 0.1})
    assert (progress.best_epoch, progress.best_value, progress.stale) == (4, 0.1, 1)


def test_ties_go_to_the_lower_loss() -> None:
    """Of two epochs with one accuracy the surer is kept; for losses lower is better."""
    task, progress = TASKS["classification"], Progress(epoch=1)
    assert progress.see(task, {"accuracy": 0.5, "loss": 2.0})
    assert not progress.see(task, {"accuracy": 0.5, "loss": 2.0})
    assert progress.see(task, {"accuracy": 0.5, "loss": 1.0})
    own = Progress(epoch=1)
    assert own.see(TASKS["own"], {"loss": 2.0})
    assert not own.see(TASKS["own"], {"loss": 3.0})
    assert own.see(TASKS["own"], {"loss": 1.0})


def test_encode() -> None:
    """Labels become what the loss wants, and one outside the classes is named."""
    assert encode("classification", ["b", "a"], ["a", "b"]).tolist() == [1, 0]
    assert encode("multilabel", [("a", "b"), ()], ["a", "b"]).tolist() == [[1, 1], [0, 0]]
    assert encode("regression", [1, 2.5], []).tolist() == [[1], [2.5]]
    with pytest.raises(DataError, match="the label 'c' is none of the 2 classes"):
        encode("classification", ["c"], ["a", "b"])


def test_losses_by_name() -> None:
    """Each task has its losses; another's is refused with what fits."""
    for task in TASKS.values():
        for name in task.losses:
            assert isinstance(make_loss(name, task), nn.Module)
    assert isinstance(make_loss("auto", TASKS["multilabel"]), nn.BCEWithLogitsLoss)
    with pytest.raises(UsageError, match="mse does not fit classification; expected cross-entropy"):
        make_loss("mse", TASKS["classification"])


def test_balanced_weights() -> None:
    """Class weights are scikit-learn's balanced ones."""
    from sklearn.utils.class_weight import compute_class_weight

    labels = torch.tensor([0] * 5 + [1] * 2 + [2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels.numpy())
    assert balanced_weights(labels, 3).tolist() == pytest.approx(expected.tolist())


def test_probabilities() -> None:
    """Huge logits give probabilities, not NaN."""
    rows = probabilities("classification", torch.tensor([[1e30, -1e30, 0.0]]))
    assert rows.tolist() == [[1.0, 0.0, 0.0]]
    assert probabilities("multilabel", torch.tensor([[800.0, -800.0]])).tolist() == [[1.0, 0.0]]


def test_counting_numbers_while_training_keeps_no_graph() -> None:
    """The sums of a regression hold no activations of the batches that they came from."""
    tally = TASKS["regression"].tally()
    outputs = torch.ones(4, 1, requires_grad=True) * 2
    tally.add(outputs, torch.zeros(4, 1), torch.tensor(4.0), 4)
    assert not any(isinstance(v, torch.Tensor) and v.requires_grad for v in vars(tally).values())
    assert tally.result()["mae"] == 2.0
