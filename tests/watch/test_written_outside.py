"""What hooks and forward functions of a program write down is not touched by trial runs of copies."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.checks.check import check
from lamplighter.checks.snapshot import kept, probing
from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(128, 20)
loader = DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), batch_size=32, shuffle=True)
heard, last, per_layer, asked = [], {}, {"relu": []}, 0


class Counter:
    def __init__(self):
        self.calls = 0

    def __call__(self, module, args, output):
        self.calls += 1


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(20, 16), nn.ReLU())
        self.head = nn.Linear(16, 2)

    def forward(self, rows):
        global asked
        asked += 1
        return self.head(self.body(rows))


def note(module, args, output):
    heard.append(output.detach().mean().item())
    per_layer["relu"].append(len(output))
    last["relu"] = output


model, counter = Net(), Counter()
model.body[1].register_forward_hook(note)
model.head.register_forward_hook(counter)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
calls = 0
for epoch in range(3):
    for rows, labels in loader:
        loss = nn.functional.cross_entropy(model(rows), labels) + 1e-3 * last["relu"].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        calls += 1
        assert last["relu"].shape[0] == len(rows)
        assert len(heard) == len(per_layer["relu"]) == counter.calls == asked == calls
assert calls == 12
"""


def test_program_counts_what_it_counts_without_being_watched(run: Callable[[str], Watch]) -> None:
    """Hooks that append, keep and count, and a global that `forward` counts up."""
    assert run("").findings == []


heard: list[int] = []
asked = 0


class Heard(nn.Module):
    def __init__(self, kept_here: dict[str, Tensor]) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.layer.register_forward_hook(lambda _, __, out: kept_here.update(out=out))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        global asked
        asked += 1
        heard.append(len(rows))
        return self.layer(rows)


def test_probing_puts_back_what_is_outside_of_the_network() -> None:
    """A list, a dictionary that a hook was closed over, and a number."""
    mine: dict[str, Tensor] = {}
    network = Heard(mine)
    before = network(torch.ones(3, 2))
    with probing(network):
        network(torch.ones(5, 2))
        assert (heard, asked) == ([3, 5], 2)
    assert (heard, asked) == ([3], 1)
    assert mine["out"] is before


def test_tensors_that_are_state_are_still_copied() -> None:
    """A list that is both global to a forward function and held by the network."""
    network = Heard({})
    network.extra = [torch.zeros(2)]  # type: ignore[assignment]
    globals()["heard_too"] = network.extra
    with kept((network,)):
        network.extra[0].fill_(5)
    assert network.extra[0].tolist() == [0, 0]


def test_check_before_a_training_leaves_no_trace() -> None:
    """`lamp.check` asks the program's own network."""
    mine: dict[str, Tensor] = {}
    network, rows = Heard(mine), torch.randn(64, 2)
    network(rows[:3])
    before, calls, out = list(heard), asked, mine["out"]
    data = DataLoader(TensorDataset(rows, (rows[:, 0] > 0).long()), batch_size=8, shuffle=True)
    report = check(network, data, loss=nn.CrossEntropyLoss())
    assert report.steps > 0
    assert (heard, asked) == (before, calls)
    assert mine["out"] is out
