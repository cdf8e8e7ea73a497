"""Parts that are to be frozen, and that learn all the same: M111."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lamplighter.checks.freezing import means_freezing
from lamplighter.watch import Watch, watch


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


def _train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 6) -> None:
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=False)
        net(torch.randn(8, 4)).square().mean().backward()
        optimizer.step()


def _by_layer(net: nn.Sequential) -> None:
    net[0].requires_grad = False  # type: ignore[assignment]


def _by_layers(net: nn.Sequential) -> None:
    for layer in net[:2]:
        layer.require_grad = False  # type: ignore[assignment]


def _by_misspelt_flag(net: nn.Sequential) -> None:
    for p in net[0].parameters():
        p.require_grad = False  # type: ignore[attr-defined]


def _as_in_keras(net: nn.Sequential) -> None:
    net[0].trainable = False  # type: ignore[assignment]


def _by_method(net: nn.Sequential) -> None:
    net[0].requires_grad_ = False  # type: ignore[method-assign, assignment]


def _rightly(net: nn.Sequential) -> None:
    net[0].requires_grad_(False)
    net[0].trainable = False  # type: ignore[assignment]


@pytest.mark.parametrize("freeze", [_by_layer, _by_layers, _by_misspelt_flag, _as_in_keras])
def test_attribute_that_freezes_nothing_is_told(freeze: Callable[[nn.Sequential], None]) -> None:
    """M111: the attribute stands on a layer or weight, and what is below it learns."""
    net = _net()
    freeze(net)
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad])
    with watch() as watching:
        _train(net, optimizer)
    assert watching.faults == []
    assert [(f.code, f.level) for f in watching.findings] == [("M111", "error")]
    assert "freezes nothing" in watching.findings[0].message


def test_method_that_is_overwritten_is_told() -> None:
    """M111: `requires_grad_ = False` takes the place of the method."""
    net = _net()
    _by_method(net)
    with watch() as watching:
        _train(net, torch.optim.Adam(net.parameters()))
    assert [f.code for f in watching.findings] == ["M111"]


def test_what_is_really_frozen_stays_silent() -> None:
    """A flag of the program's own beside weights that do not learn."""
    net = _net()
    _rightly(net)
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad])
    with watch() as watching:
        _train(net, optimizer)
    assert watching.findings == []


class Optional(nn.Module):
    """Reads its own flag of that name."""

    def __init__(self) -> None:
        super().__init__()
        self.trainable = False
        self.layer = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layer(x)
        return result if self.trainable else result * 2


def test_flag_that_a_class_reads_itself_stays_silent() -> None:
    """What a class of the program makes of its flag is its own matter."""
    net = Optional()
    with watch() as watching:
        _train(net, torch.optim.Adam(net.parameters()))
    assert watching.findings == []


@pytest.mark.parametrize(("set_to_none", "expected"), [(False, ["M111"]), (True, [])])
def test_frozen_weight_that_momentum_moves_is_told(set_to_none: bool, expected: list[str]) -> None:
    """M111: frozen after some steps, and the optimizer goes on with what it remembers."""
    net = _net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    with watch() as watching:
        for step in range(40):
            if step == 20:
                net[0].requires_grad_(False)
            optimizer.zero_grad(set_to_none=set_to_none)
            net(torch.randn(8, 4)).square().mean().backward()
            optimizer.step()
    assert watching.faults == []
    assert [f.code for f in watching.findings] == expected
    assert all("each step moves it: its optimizer goes on" in f.message for f in watching.findings)


def test_weights_with_gradients_made_by_hand_stay_silent() -> None:
    """An evolution strategy gives frozen weights its own gradients."""
    net = _net().requires_grad_(False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with watch() as watching:
        for _ in range(20):
            for p in net.parameters():
                p.grad = torch.randn_like(p)
            optimizer.step()
    assert [f for f in watching.findings if f.code == "M111"] == []


SCRIPT = """
import torch
from torch import nn

net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
for p in net[0].parameters():
    {line}
optimizer = torch.optim.Adam(net.parameters())
for step in range(6):
    optimizer.zero_grad()
    net(torch.randn(8, 4)).square().mean().backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("p.requires_grad == False", [("M111", "error", 7)]),
        ("p.data.requires_grad = False", [("M111", "warning", 7)]),
        ("p.requires_grad = False", []),
    ],
)
def test_line_that_freezes_nothing_is_named(
    line: str,
    expected: list[tuple[str, str, int]],
    observe: Callable[[Path], Watch],
    tmp_path: Path,
) -> None:
    """M111: a comparison for an assignment, and a flag on another tensor than the weight."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(line=line))
    found = [f for f in observe(path).findings if f.code == "M111"]
    assert [(f.code, f.level, f.line) for f in found] == expected
    assert all("freezes nothing" in f.message for f in found)


def test_names_that_mean_freezing() -> None:
    """Slips of one or two letters count; other words with a gradient in them do not."""
    wrong = ("require_grad", "requires_grad", "requires_grads", "required_grad", "requires_grad_")
    assert all(means_freezing(name) for name in (*wrong, "trainable"))
    assert not any(means_freezing(n) for n in ("grad_checkpointing", "training", "return_grad"))


def _set_free(steps: int, *, renew: bool = False, clear: str = "optimizer") -> list[str]:
    """What is found where the first layer is set free after the optimizer was built."""
    net = _net()
    net[0].requires_grad_(False)
    wanted = (p for p in net.parameters() if p.requires_grad)
    optimizer = torch.optim.SGD(wanted, lr=1e-2)
    with watch() as watching:
        for step in range(steps):
            if step == steps // 2:
                net[0].requires_grad_(True)
                if renew:
                    optimizer.add_param_group({"params": net[0].parameters(), "lr": 1e-3})
            (net if clear == "net" else optimizer).zero_grad()
            F.cross_entropy(net(torch.randn(8, 4)), torch.tensor([0, 1] * 4)).backward()
            optimizer.step()
    assert watching.faults == []
    return [f"{f.code} {f.level}" for f in watching.findings if f.code in ("O101", "M110")]


@pytest.mark.parametrize("steps", [6, 22, 30])
@pytest.mark.parametrize("clear", ["optimizer", "net"])
def test_what_is_set_free_after_the_optimizer_was_built_is_told(steps: int, clear: str) -> None:
    """O101: it gets gradients, and nobody steps with them, however late it was set free."""
    assert _set_free(steps, clear=clear) == ["O101 error"]
    assert _set_free(steps, clear=clear, renew=True) == []
