"""M110 where a new layer takes the place of a trained one and is frozen with the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn

generator = torch.Generator().manual_seed(9)
x = torch.randn(160, 8, generator=generator)
y = (x[:, 0] > x[:, 1]).long() + (x[:, 2] > 0)


def network():
    return nn.Sequential(
        nn.Linear(8, 16), nn.ReLU(), nn.Sequential(nn.Linear(16, 12), nn.ReLU()), nn.Linear(12, 3)
    )


def learn(net, weights, epochs=3):
    optimizer = torch.optim.Adam(weights, lr=1e-2)
    for _ in range(epochs):
        for rows in torch.randperm(160).split(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()


source = network()
learn(source, source.parameters())
"""

# weights of another run are loaded, the whole is frozen late, and the last layer is set free
LOADED = """
net = network()
net.load_state_dict(source.state_dict())
if {before}:
    net.requires_grad_(False)
net[2][0] = nn.Linear(16, 12)
net[3] = nn.Linear(12, 3)
if not {before}:
    net.requires_grad_(False)
net[3].requires_grad_(True)
learn(net, net.parameters())
"""

# a new middle learns first and is frozen then, with whatever it has learned
BY_TURNS = """
source[2][0] = nn.Linear(16, 12)
learn(source, source[2].parameters(), epochs=1)
source.requires_grad_(False)
source[3] = nn.Linear(12, 3)
learn(source, source[3].parameters())
"""

# random directions are chosen from the beginning
RESERVOIR = """
net = network()
net[0].requires_grad_(False)
net[2].requires_grad_(False)
learn(net, net[3].parameters())
"""

# nothing of the old weights is left: another network that is fixed but for its end
WRAPPED = """
class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = source.requires_grad_(False)
        self.body[3] = nn.Identity()
        self.spread = nn.Linear(12, 64).requires_grad_(False)
        self.end = nn.Linear(64, 3)

    def forward(self, rows):
        return self.end(torch.cos(self.spread(self.body(rows))))


net = Wrapped()
learn(net, net.end.parameters())
"""


def _told(watching: Watch) -> list[str]:
    return [f"{f.code} {f.level}" for f in watching.findings if f.code in ("M110", "O101")]


@pytest.mark.parametrize(("before", "expected"), [(False, ["M110 error"]), (True, [])])
def test_a_new_layer_is_frozen_with_the_rest(
    run: Callable[[str], Watch], before: bool, expected: list[str]
) -> None:
    """What is put in before the freezing is frozen too."""
    watching = run(LOADED.format(before=before))
    assert _told(watching) == expected
    assert all(f.where == "2.0" for f in watching.findings if f.code == "M110")


# a new middle is random and fixed, and what stands around it goes on learning
FIXED_MIDDLE = """
learn(source, source.parameters(), epochs=1)
source[2][0] = nn.Linear(16, 12)
source[2].requires_grad_(False)
learn(source, [w for w in source.parameters() if w.requires_grad])
"""


@pytest.mark.parametrize("program", [BY_TURNS, RESERVOIR, WRAPPED, FIXED_MIDDLE])
def test_frozen_on_purpose(run: Callable[[str], Watch], program: str) -> None:
    """What has learned, and what is random from the beginning or put in between, may be fixed."""
    assert _told(run(program)) == []
