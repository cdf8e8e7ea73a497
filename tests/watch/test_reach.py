"""What answers end in, and what they are compared with: L104, L112, L121, L122, M122."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.watch import Watch, watch

Loss = Callable[[Tensor, Tensor], Any]


def squares(out: Tensor, y: Tensor) -> Tensor:
    """Looked up when it is called: what listens stands there by then."""
    return F.mse_loss(out, y)


def distances(out: Tensor, y: Tensor) -> Tensor:
    """The same."""
    return F.l1_loss(out, y)


def entropy(out: Tensor, y: Tensor) -> Tensor:
    """The same."""
    return F.cross_entropy(out, y)


def _trained(end: nn.Module, target: Tensor, loss: Loss, middle: nn.Module | None = None) -> Watch:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(6, 24), nn.Tanh(), middle or nn.Identity())
    model = nn.Sequential(body, nn.Linear(24, target.shape[1] if target.dim() > 1 else 4), end)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x = torch.randn(len(target), 6)
    with watch() as watching:
        for part in torch.arange(len(target)).split(20):
            optimizer.zero_grad()
            loss(model(x[part]), target[part]).backward()
            optimizer.step()
    assert watching.faults == []
    return watching


def by_itself(out: Tensor, y: Tensor) -> Tensor:
    """A difference that meets itself."""
    difference = out - y
    return (difference * difference).mean()


DIFFERENCES: list[Loss] = [
    lambda out, y: ((y - out) ** 2).mean(),
    lambda out, y: ((out - y) * (out - y)).mean(),
    by_itself,
]


def _codes(watching: Watch) -> list[tuple[str, str]]:
    return [(f.code, f.level) for f in watching.findings]


torch.manual_seed(3)
NORMAL = torch.randn(160, 2)


@pytest.mark.parametrize(
    ("end", "target", "expected"),
    [
        (nn.Sigmoid(), 100 + NORMAL, [("L121", "error")]),
        (nn.ReLU(), NORMAL + 0.5, [("L121", "warning")]),
        (nn.Tanh(), NORMAL, [("L121", "warning")]),
        (nn.Softplus(), -1 - NORMAL.square(), [("L121", "error")]),
        (nn.Sigmoid(), NORMAL.sigmoid(), []),
        (nn.ReLU(), NORMAL.abs(), []),
        (nn.Tanh(), NORMAL.tanh() * 1.01, []),
        (nn.Identity(), 100 + NORMAL, []),
    ],
)
def test_targets_within_the_bounds_of_the_answers(
    end: nn.Module, target: Tensor, expected: list[tuple[str, str]]
) -> None:
    """L121: by the losses of torch and by a difference that is squared."""
    for loss in (squares, distances, *DIFFERENCES):
        found = [one for one in _codes(_trained(end, target, loss)) if one[0] == "L121"]
        assert found == expected


def test_dropout_stands_before_the_last_layer() -> None:
    """M122: behind it, it sets answers to 0."""
    classes = torch.arange(160) % 4
    behind = _trained(nn.Dropout(0.5), classes, entropy)
    assert _codes(behind) == [("M122", "warning")]
    before = _trained(nn.Identity(), classes, entropy, nn.Dropout(0.5))
    assert _codes(before) == []
    assert _codes(_trained(nn.Dropout(0.0), classes, entropy)) == []


def _aligned(symbols: Tensor, end: Callable[[Tensor], Tensor], **more: int) -> list[str]:
    torch.manual_seed(0)
    net = nn.Linear(5, 6)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    with watch() as watching:
        for _ in range(4):
            scores = end(net(torch.randn(12, 8, 5)))
            sizes = torch.full((8,), 12), torch.full((8,), 4)
            loss = F.ctc_loss(scores, symbols, *sizes, **more)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert watching.faults == []
    return [f.code for f in watching.findings]


def test_symbols_and_scores_of_an_alignment() -> None:
    """L104: raw scores. L112: the blank is among the symbols; behind their ends it may stand."""
    symbols = torch.arange(40).view(8, 5) % 4 + 1
    assert _aligned(symbols, lambda s: s.log_softmax(2)) == []
    assert _aligned(symbols, lambda s: s) == ["L104"]
    assert _aligned(symbols - 1, lambda s: s.log_softmax(2)) == ["L112"]
    assert _aligned(symbols - 1, lambda s: s.log_softmax(2), blank=5) == []
    ending = symbols.clone()
    ending[:, 4] = 0
    assert _aligned(ending, lambda s: s.log_softmax(2)) == []


def test_levels_of_the_step_before() -> None:
    """L122: the 1 stands in front."""
    with watch() as watching:
        levels = torch.cumprod(1 - torch.linspace(1e-3, 0.1, 20), dim=0)
        _ = F.pad(levels[:-1], (1, 0), value=1.0)
        _ = torch.cat([torch.ones(1), levels[:-1]])
        _ = F.pad(levels[1:], (0, 1), value=0.0)
    assert watching.findings == []
    with watch() as watching:
        levels = torch.cumprod(1 - torch.linspace(1e-3, 0.1, 20), dim=0)
        _ = F.pad(levels[:-1], (0, 1), value=1.0)
    assert [f.code for f in watching.findings] == ["L122"]


@pytest.mark.parametrize("moved", [True, False])
def test_classes_of_places_are_moved_before_they_are_cut(*, moved: bool) -> None:
    """D105: (batch, classes, places) cut into rows of classes mixes both."""
    torch.manual_seed(0)
    net = nn.Conv1d(2, 3, 3, padding=1)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    with watch() as watching:
        for _ in range(4):
            x = torch.randn(8, 2, 10)
            scores = net(x).transpose(1, 2) if moved else net(x)
            loss = F.cross_entropy(scores.reshape(-1, 3), (x[:, 0] > 0).long().view(-1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert [f.code for f in watching.findings] == ([] if moved else ["D105"])
