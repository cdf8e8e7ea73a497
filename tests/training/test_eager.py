"""Our optimizers step as torch's do, and bring nothing of torch's compiler in."""

from __future__ import annotations

import copy
import inspect
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from lamplighter.training.eager import eager
from lamplighter.training.optimizer import make_optimizer

NAMES = ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adamax", "Adadelta")
SETTINGS = {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.01, "device": torch.device("cpu")}


@pytest.mark.parametrize("name", NAMES)
def test_its_steps_are_torchs_own_bit_for_bit(name: str) -> None:
    """Five steps, with the state saved and loaded on the way, move the weights as torch's do."""
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    theirs = copy.deepcopy(ours)
    made = make_optimizer(name, [{"params": list(ours.parameters())}], **SETTINGS)
    kind = type(made).__mro__[1]
    plain = kind(theirs.parameters(), **_taken(kind, made.defaults))
    assert kind.__name__ == type(made).__name__ == name
    inputs = torch.randn(6, 4)
    for step in range(5):
        for network, optimizer in ((ours, made), (theirs, plain)):
            optimizer.zero_grad()
            network(inputs).square().mean().backward()
            optimizer.step()
        if step == 2:
            made.load_state_dict(made.state_dict())
            plain.load_state_dict(plain.state_dict())
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


def _taken(kind: type[torch.optim.Optimizer], settings: dict[str, Any]) -> dict[str, Any]:
    known = inspect.signature(kind).parameters
    return {name: value for name, value in settings.items() if name in known}


def test_closures_and_hooks_are_called_as_torch_calls_them() -> None:
    """A closure computes with gradients, and hooks on the step are heard."""
    weight = nn.Parameter(torch.ones(2))
    optimizer = eager(torch.optim.SGD)([weight], lr=0.5)
    heard: list[str] = []
    optimizer.register_step_post_hook(lambda *_: heard.append("after"))

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2.0
    assert weight.tolist() == [0.0, 0.0]
    assert heard == ["after"]


def test_a_training_step_imports_nothing_of_torchs_compiler() -> None:
    """Building, stepping, clearing and saving leave torch._dynamo and sympy unimported."""
    code = """
import sys, torch
from torch import nn
from lamplighter.models.shape import check_shape
from lamplighter.training.optimizer import make_optimizer
net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 6, 2))
check_shape(net, (3, 8, 8))
for name in ("SGD", "AdamW", "Muon"):
    group = {"params": list(net.parameters()), "lr": 0.1, "factor": 1.0, "momentum": 0.9,
             "weight_decay": 0.0, "filters": False, "rescale": False}
    made = make_optimizer(name, [group], lr=0.1, momentum=0.9, weight_decay=0.0,
                          device=torch.device("cpu"))
    net(torch.zeros(2, 3, 8, 8)).sum().backward()
    made.step(); made.zero_grad(); made.load_state_dict(made.state_dict())
print([name for name in ("torch._dynamo", "sympy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
