"""What courses and papers write every day, and what a beginner gets wrong beside it: L104, L105, L108, M109."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
rows = torch.randn(256, 8)
kinds = (rows[:, 0] > 0).long() + (rows[:, 1] > 0).long()


def batches(epochs=3):
    for _ in range(epochs):
        yield from torch.randperm(256).split(32)


def descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

"""
# codes that shall lie like noise, whose own distances are a constant beside them
NOISE = """
encoder, decoder = nn.Linear(8, 3), nn.Linear(3, 8)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)

def near(a, b):
    return (-(a.unsqueeze(1) - b.unsqueeze(0)).square().mean(2)).exp()

for chosen in batches():
    codes = encoder(rows[chosen])
    drawn = {drawn}
    apart = near(drawn, drawn).mean() + near(codes, codes).mean() - 2 * near(drawn, codes).mean()
    descend(optimizer, F.mse_loss(decoder(codes), rows[chosen]) + apart)
"""
CUT = """
encoder, decoder = nn.Linear(8, 3), nn.Linear(3, 8)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
for chosen in batches():
    codes = encoder(rows[chosen])
    penalty = {cut}
    descend(optimizer, F.mse_loss(decoder(codes), rows[chosen]) + penalty)
"""
# nodes of a graph are shared out among clusters
CLUSTERS = """
edges = (torch.rand(128, 10, 10) < 0.3).float() + torch.eye(10)
nodes = torch.randn(128, 10, 8)
labels = (edges.sum((1, 2)) > 38).long()
into, out = nn.Linear(8, 4), nn.Linear(8, 2)
optimizer = torch.optim.Adam([*into.parameters(), *out.parameters()], lr=1e-3)
for chosen in torch.randperm(128).split(16):
    scores = torch.matmul(edges[chosen], into(nodes[chosen]))
    shares = scores.softmax(-1)
    clusters = torch.einsum("bnk,bnd->bkd", shares, nodes[chosen])
    descend(optimizer, F.cross_entropy(out(clusters.amax(1)), labels[chosen]))
"""
TRAINED = """
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for chosen in batches():
    descend(optimizer, F.cross_entropy(net(rows[chosen]), kinds[chosen]))
for chosen in batches(1):
    looked_at = rows[chosen].clone().requires_grad_({asks})
    scores = net(looked_at).gather(1, kinds[chosen].view(-1, 1)).squeeze()
    scores.sum().backward()
"""
RAW = """
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for chosen in batches(1):
    scores = net(rows[chosen])
    descend(optimizer, {loss})
"""
# what was computed last stays with the network, for who wants to look at it
KEPT = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 16), nn.Linear(16, 3)
        self.seen = []

    def forward(self, x):
        self.hidden = {hidden}
        self.seen = [self.hidden]
        return self.two(self.hidden)

net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for chosen in batches(1):
    descend(optimizer, F.cross_entropy(net(rows[chosen]), kinds[chosen]))
"""
# a loss of what is held out, which nobody reads, and one of what is learned from
UNREAD = """
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
learned, held_out = torch.arange(160), torch.arange(160, 256)
for epoch in range(12):
    net.train()
    {loss} = F.cross_entropy(net(rows)[learned], kinds[learned])
    loss = F.cross_entropy(net(rows)[learned[:80]], kinds[learned[:80]])
    descend(optimizer, loss)
    print({loss}.item())
    net.eval()
    answers = net(rows)
    unread = F.cross_entropy(answers[held_out], kinds[held_out])
    print((answers[held_out].argmax(1) == kinds[held_out]).float().mean().item())
"""
SUMMED = """
net = nn.Linear(8, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
targets = rows.sum(1, keepdim=True)
criterion = nn.MSELoss(reduction="sum")
for chosen in {batches}:
    descend(optimizer, criterion(net(rows[chosen]), targets[chosen]))
"""
# every argument by its name
NAMED = """
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for chosen in batches(1):
    x = torch.index_select(input=rows, dim=0, index=chosen)
    x = torch.flip(input=x, dims=(0,)).flip(0) + 0.1 * torch.roll(input=x, shifts=1, dims=0)
    logs = torch.log_softmax(input=net(torch.narrow(input=x, dim=0, start=0, length=32)), dim=1)
    picked = torch.gather(input=logs, dim=1, index=kinds[chosen].view(-1, 1))
    weights = torch.softmax(input=torch.matmul(input=logs, other=logs.T), dim=1)
    spread = torch.matmul(input=weights, other=logs).square().mean()
    descend(optimizer, torch.mean(input=torch.neg(input=picked)) + 0.01 * spread)
"""


def _codes(watching: Watch) -> list[str]:
    return [finding.code for finding in watching.findings if finding.level != "info"]


@pytest.mark.parametrize("drawn", ["torch.randn_like(codes)", "codes.new_zeros(32, 3).normal_()"])
def test_noise_of_the_same_shape_is_no_answer(run: Callable[[str], Watch], drawn: str) -> None:
    """The distances within it are the same for all weights, and were never meant to move any."""
    assert _codes(run(NOISE.format(drawn=drawn))) == []


@pytest.mark.parametrize(
    "cut", ["codes.detach().square().mean()", "F.mse_loss(codes.data, torch.zeros_like(codes))"]
)
def test_an_answer_that_was_cut_is_told(run: Callable[[str], Watch], cut: str) -> None:
    """A penalty of the codes that pulls at nothing."""
    told = [f for f in run(CUT.format(cut=cut)).findings if f.code == "L108"]
    assert len(told) == 1
    assert "has no path to any weight" in told[0].message


def test_nodes_may_be_shared_out_among_clusters(run: Callable[[str], Watch]) -> None:
    """The shares of a node sum to 1, and a cluster collects those of all nodes."""
    assert _codes(run(CLUSTERS)) == []


@pytest.mark.parametrize("asks", [True, False])
def test_a_score_may_be_asked_what_it_looks_at(run: Callable[[str], Watch], asks: bool) -> None:
    """The slope of the right class's score at the inputs, or at what lies within the network."""
    assert _codes(run(TRAINED.format(asks=asks))) == []


@pytest.mark.parametrize(
    "loss",
    [
        "-scores.gather(1, kinds[chosen].view(-1, 1)).mean()",
        "-scores[torch.arange(32), kinds[chosen]].mean()",
    ],
)
def test_scores_that_are_sent_back_as_logarithms_are_told(
    run: Callable[[str], Watch], loss: str
) -> None:
    """A likelihood of what no softmax has made, which a step follows each time."""
    assert "L104" in _codes(run(RAW.format(loss=loss)))


@pytest.mark.parametrize(
    ("hidden", "expected"), [("torch.relu(self.one(x))", []), ("self.one(x)", ["M109"])]
)
def test_a_network_that_keeps_what_it_computed_is_tried(
    run: Callable[[str], Watch], hidden: str, expected: list[str]
) -> None:
    """Its copy comes without the graph of the last call."""
    assert _codes(run(KEPT.format(hidden=hidden))) == expected


def test_a_loss_of_what_is_held_out_may_stay_unread(run: Callable[[str], Watch]) -> None:
    """It was computed with gradients on; the network is in evaluation mode."""
    assert _codes(run(UNREAD.format(loss="whole"))) == []


def test_a_loss_of_what_is_learned_from_is_replaced(run: Callable[[str], Watch]) -> None:
    """R107: of two losses under one name, only the second is sent back."""
    told = [f for f in run(UNREAD.format(loss="loss")).findings if f.code == "R107"]
    assert len(told) == 1
    assert "nothing of it reaches the weights" in told[0].message


@pytest.mark.parametrize(
    ("batches", "expected"), [("[slice(None)] * 30", []), ("batches()", ["L109"])]
)
def test_a_sum_over_all_data_is_no_sum_over_a_batch(
    run: Callable[[str], Watch], batches: str, expected: list[str]
) -> None:
    """Where each step takes in everything, the sum is a mean but for the rate."""
    assert _codes(run(SUMMED.format(batches=batches))) == expected


def test_arguments_may_all_be_given_by_name(run: Callable[[str], Watch]) -> None:
    """No watcher fails for want of the first one."""
    assert _codes(run(NAMED)) == []
