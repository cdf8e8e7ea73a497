"""Weights that a network uses and that belong to nobody: M101."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.watch import watch

Part = Callable[[Tensor], Tensor]


def made_on_the_way() -> Part:
    """A layer for each call."""
    return lambda x: nn.Linear(x.shape[1], 16)(x)


def in_a_closure() -> Part:
    """A layer that a function holds."""
    layer = nn.Linear(4, 16)
    return lambda x: layer(x)


class Helper:
    """A class that is no module."""

    def __init__(self) -> None:
        self.layer = nn.Linear(4, 16)

    def __call__(self, x: Tensor) -> Tensor:
        result: Tensor = self.layer(x)
        return result


class Net(nn.Module):
    """A head behind some part."""

    def __init__(self, part: Any) -> None:
        super().__init__()
        self.part, self.head = part, nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Any:
        return self.head(torch.tanh(self.part(x)))


def _found(net: nn.Module, others: list[nn.Parameter] | None = None) -> list[tuple[str, str]]:
    optimizer = torch.optim.Adam([*net.parameters(), *(others or [])])
    torch.manual_seed(0)
    with watch() as watching:
        for _ in range(8):
            optimizer.zero_grad()
            net(torch.randn(8, 4)).square().mean().backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.message.split(":")[0]) for f in watching.findings]


@pytest.mark.parametrize("make", [made_on_the_way, in_a_closure, Helper])
def test_layers_of_nobody_are_told(make: Callable[[], Part]) -> None:
    """M101: they get gradients, and nothing moves them."""
    torch.manual_seed(0)
    found = _found(Net(make()))
    assert [code for code, _ in found] == ["M101"]
    made = "is made anew at each call" in found[0][1]
    assert made or "belong to no network that is called and to no optimizer" in found[0][1]


def test_layers_that_an_optimizer_holds_stay_silent() -> None:
    """A helper whose weights are given to the optimizer, and a pretrained one that stays."""
    torch.manual_seed(0)
    helper = Helper()
    assert _found(Net(helper), list(helper.layer.parameters())) == []
    taught = Helper()
    nn.init.normal_(taught.layer.weight)
    assert _found(Net(taught)) == []
    assert _found(Net(nn.Sequential(nn.Linear(4, 16), nn.LayerNorm(16)))) == []


def test_functional_layers_of_registered_weights_stay_silent() -> None:
    """Weights that belong to the network may be used by functions."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(16, 4) / 2)
            self.head = nn.Linear(16, 2)

        def forward(self, x: Tensor) -> Any:
            return self.head(torch.tanh(F.linear(x, self.weight)))

    assert _found(Own()) == []
