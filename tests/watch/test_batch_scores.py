"""E104: scores of batches that are averaged, computed by libraries or by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lamplighter.checks.batch_scores import batch_scores
from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from sklearn.metrics import f1_score, r2_score, roc_auc_score
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(900, 8)
goal = 2 * x[:, :1] + torch.randn(900, 1)
y = (goal > 1.5).float()


def loaders(target):
    return (
        DataLoader(TensorDataset(x[:500], target[:500]), 25, shuffle=True),
        DataLoader(TensorDataset(x[500:], target[500:]), 16),
    )


def trained(train, loss):
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(3):
        for a, b in train:
            optimizer.zero_grad()
            loss(net(a), b).backward()
            optimizer.step()
    return net.eval()


def own_f1(logits, labels):
    said = (torch.sigmoid(logits) > 0.5).float()
    hits = (said * labels).sum()
    return 2 * hits / (said.sum() + labels.sum() + 1e-7)

"""
BINARY = """
train, held_out = loaders(y)
net = trained(train, F.binary_cross_entropy_with_logits)
"""
NUMBERS = """
train, held_out = loaders(goal)
net = trained(train, F.mse_loss)
"""
LOOP = """
with torch.no_grad():
    for a, b in held_out:
        out = net(a)
"""
ACCURACY = """
scores = []
with torch.no_grad():
    for a, b in held_out:
        scores.append(((net(a) > 0) == (b > 0.5)).float().mean().item())
print(f"accuracy {np.mean(scores):.4f}")
"""
DIRTY = {
    "a list": (
        BINARY
        + "scores = []"
        + LOOP
        + "        scores.append(f1_score(b[:, 0], out[:, 0] > 0, zero_division=0))\n"
        "print(sum(scores) / len(scores))\n"
    ),
    "a total of an own formula": (
        BINARY + "total = 0.0" + LOOP + "        total += own_f1(out, b).item()\n"
        "print(f'F1 {total / len(held_out):.4f}')\n"
    ),
    "areas": (
        BINARY
        + "areas = []"
        + LOOP
        + "        areas.append(roc_auc_score(b[:, 0], out[:, 0]))\nprint(np.mean(areas))\n"
    ),
    "R²": (
        NUMBERS
        + "total = 0.0"
        + LOOP
        + "        total += r2_score(b, out)\nprint(total / len(held_out))\n"
    ),
}
CLEAN = {
    "gathered": (
        BINARY
        + "said, right = [], []"
        + LOOP
        + "        said += (out[:, 0] > 0).tolist()\n        right += b[:, 0].tolist()\n"
        "print(f1_score(right, said), np.mean([f1_score(right, said, pos_label=k) for k in (0, 1)]))\n"
    ),
    "accuracies": BINARY + ACCURACY,
}


def _ran(text: str, tmp_path: Path, observe: Callable[[Path], Watch]) -> Watch:
    path = tmp_path / "program.py"
    path.write_text(HEAD + text)
    watching = observe(path)
    assert watching.faults == []
    return watching


@pytest.mark.parametrize("name", DIRTY)
def test_mean_of_the_scores_of_batches_is_told(
    name: str, tmp_path: Path, observe: Callable[[Path], Watch]
) -> None:
    """Whoever computes it, at the line that gathers it."""
    watching = _ran(DIRTY[name], tmp_path, observe)
    (found,) = watching.findings
    text = (HEAD + DIRTY[name]).splitlines()
    assert (found.code, found.level) == ("E104", "error")
    assert "over 25 batches; over all answers it is" in found.message
    assert found.line is not None
    assert any(sign in text[found.line - 1] for sign in ("append", "+="))


@pytest.mark.parametrize("name", CLEAN)
def test_scores_of_all_answers_stay_silent(
    name: str, tmp_path: Path, observe: Callable[[Path], Watch]
) -> None:
    """Answers gathered first, the mean over classes, and accuracies, which may be averaged."""
    assert _ran(CLEAN[name], tmp_path, observe).findings == []


def test_scores_that_are_all_zero_are_known_by_identity(
    tmp_path: Path, observe: Callable[[Path], Watch]
) -> None:
    """A network that knows nothing yet has an F1 of 0 in each batch; the list is the same list."""
    text = DIRTY["a list"].replace("> 0,", "> 99,")
    (found,) = _ran(text, tmp_path, observe).findings
    assert (found.code, found.level) == ("E104", "warning")
    assert (
        "f1_score is computed for each of 25 batches and the results are gathered" in found.message
    )


def test_scores_agree_with_scikit_learn() -> None:
    """The values over all answers are those of the library, for classes, two kinds and numbers."""
    from sklearn import metrics

    made = torch.Generator().manual_seed(0)
    outputs = [torch.randn(12, 4, generator=made) for _ in range(5)]
    targets = [torch.randint(0, 4, (12,), generator=made) for _ in range(5)]
    right, said = torch.cat(targets), torch.cat(outputs).argmax(1)
    found = {score.name: score for score in batch_scores(outputs, targets)}
    for average in ("macro", "weighted"):
        whole = metrics.f1_score(right, said, average=average)
        parts = [
            metrics.f1_score(t, o.argmax(1), average=average, zero_division=0)
            for o, t in zip(outputs, targets, strict=True)
        ]
        assert abs(found[f"F1 ({average})"].whole - whole) < 1e-9
        assert found[f"F1 ({average})"].is_listed(parts)
    assert not any("accuracy" in name and "balanced" not in name for name in found)

    answers = [torch.randn(12, generator=made) for _ in range(5)]
    kinds = [(torch.rand(12, generator=made) < 0.5).float() for _ in range(5)]
    area = next(s for s in batch_scores(answers, kinds) if "ROC" in s.name)
    assert abs(area.whole - metrics.roc_auc_score(torch.cat(kinds), torch.cat(answers))) < 1e-9

    numbers = [torch.randn(12, generator=made) for _ in range(5)]
    names = {s.name: s for s in batch_scores(answers, numbers)}
    whole = metrics.r2_score(torch.cat(numbers), torch.cat(answers))
    assert abs(names["R²"].whole - whole) < 1e-6
    assert set(names) == {"R²", "correlation", "RMSE"}
