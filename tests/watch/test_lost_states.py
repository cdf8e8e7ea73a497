"""Files with weights that end in no network: I104, I105."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lamplighter.watch import Watch


def _net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))


def _train(net: nn.Module) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(4):
        optimizer.zero_grad()
        net(torch.randn(8, 6)).square().mean().backward()
        optimizer.step()


def filtered(state: dict[str, Any]) -> nn.Module:
    """Keys that have another prefix are all left out."""
    net = _net()
    own = net.state_dict()
    own.update({k: v for k, v in state.items() if k in own})
    net.load_state_dict(own)
    return net


def copied(state: dict[str, Any]) -> nn.Module:
    """The same weight by weight."""
    net = _net()
    for name, parameter in net.named_parameters():
        if name in state:
            parameter.data.copy_(state[name])
    return net


def built_again(state: dict[str, Any]) -> nn.Module:
    """The network that took the weights is let go."""
    net = _net()
    net.load_state_dict({k.removeprefix("module."): v for k, v in state.items()})
    return _net()


def rightly(state: dict[str, Any]) -> nn.Module:
    """Without the prefix."""
    net = _net()
    net.load_state_dict({k.removeprefix("module."): v for k, v in state.items()})
    return net


def by_hand(state: dict[str, Any]) -> nn.Module:
    """Weight by weight, without the prefix."""
    net = _net()
    for name, parameter in net.named_parameters():
        parameter.data.copy_(state[f"module.{name}"])
    return net


def compared(state: dict[str, Any]) -> nn.Module:
    """The old network is asked, and a new one is trained to compare."""
    rightly(state)(torch.randn(8, 6))
    return _net()


def fine_tuned(state: dict[str, Any]) -> nn.Module:
    """Another head than the file has."""
    net = _net()
    net[0].weight.data.copy_(state["module.0.weight"])
    net[2] = nn.Linear(16, 5)
    return net


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (filtered, ["I104"]),
        (copied, ["I104"]),
        (built_again, ["I105"]),
        (rightly, []),
        (by_hand, []),
        (compared, []),
        (fine_tuned, []),
    ],
)
def test_weights_of_a_file_are_in_the_network(
    build: Any, expected: list[str], tmp_path: Path
) -> None:
    """The network begins with random values although a file with its weights was read."""
    torch.manual_seed(0)
    old = _net()
    torch.save({f"module.{k}": v for k, v in old.state_dict().items()}, tmp_path / "old.pt")
    with Watch(keep=True) as watching:
        _train(old)
        net = build(torch.load(tmp_path / "old.pt"))
        _train(net)
    assert watching.faults == []
    found = [f for f in watching.findings if f.code in ("I104", "I105")]
    assert [f.code for f in found] == expected
    assert all("none of them is in it" in f.message for f in found)


def _body() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 12))


@pytest.mark.parametrize("prefix", ["0.", ""])
def test_a_body_is_loaded_below_a_new_head(prefix: str, tmp_path: Path) -> None:
    """I104: the keys that fit are kept, and without the name of the part none fits."""
    torch.manual_seed(0)
    torch.save({f"m.{k}": v for k, v in _body().state_dict().items()}, tmp_path / "body.pt")
    with Watch(keep=True) as watching:
        net = nn.Sequential(_body(), nn.ReLU(), nn.Linear(12, 3))
        state = torch.load(tmp_path / "body.pt")
        fitting = {prefix + key.removeprefix("m."): value for key, value in state.items()}
        own = net.state_dict()
        own.update({k: v for k, v in fitting.items() if k in own and own[k].shape == v.shape})
        net.load_state_dict(own)
        _train(net)
    assert watching.faults == []
    found = [f.code for f in watching.findings if f.code in ("I104", "I105")]
    assert found == ([] if prefix else ["I104"])


@pytest.mark.parametrize("prefix", ["0.", ""])
def test_a_body_that_was_saved_with_another_head_is_loaded(prefix: str, tmp_path: Path) -> None:
    """I104: no key of the file fits, so that the network is given its own weights back."""
    torch.manual_seed(0)
    old = nn.Sequential(_body(), nn.ReLU(), nn.Linear(12, 6))
    keys = {k: f"body{k[1:]}" if k[0] == "0" else f"decoder{k[1:]}" for k in old.state_dict()}
    torch.save({keys[k]: v for k, v in old.state_dict().items()}, tmp_path / "old.pt")
    with Watch(keep=True) as watching:
        net = nn.Sequential(_body(), nn.ReLU(), nn.Linear(12, 3))
        state = torch.load(tmp_path / "old.pt")
        state = {k.replace("body.", prefix or "body."): v for k, v in state.items()}
        own = net.state_dict()
        own.update({k: v for k, v in state.items() if k in own and own[k].shape == v.shape})
        net.load_state_dict(own)
        _train(net)
    assert watching.faults == []
    found = [f.code for f in watching.findings if f.code in ("I104", "I105")]
    assert found == ([] if prefix else ["I104"])
