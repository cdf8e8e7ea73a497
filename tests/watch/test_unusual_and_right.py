"""Programs of unusual practice that do what they say: nobody tells them an error."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

LEVELS = ("error", "warning")
HEAD = """
import copy
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset

torch.manual_seed(0)
centres = 1.5 * torch.randn(4, 10)
kinds = torch.randint(0, 4, (760,))
x = centres[kinds] + torch.randn(760, 10)
other = (kinds + torch.randint(1, 4, (760,))) % 4
spots = (torch.rand(760, 10) < 0.3).float()


def network(outputs, inputs=10):
    return nn.Sequential(nn.Linear(inputs, 24), nn.Tanh(), nn.Linear(24, outputs))


def loader_of(*tensors):
    return DataLoader(TensorDataset(*(t[:500] for t in tensors)), batch_size=25, shuffle=True)


def descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def answers(net, rows):
    net.eval()
    with torch.no_grad():
        return net(rows).argmax(1)

"""
UNWANTED = """
class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.look, self.sort = network(10), network(4)

    def forward(self, rows):
        weight = torch.sigmoid(self.look(rows))
        return self.sort(weight * rows), weight


net = Pooled()
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
for rows, goal, spot in loader_of(x, kinds, spots):
    answer, weight = net(rows)
    wasted = (weight * spot).sum(1) / {area}
    descend(optimizer, F.cross_entropy(answer, goal) + wasted.mean())
"""
SURELY_WRONG = """
net = network(4)
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
for rows, goal, never in loader_of(x, kinds, other):
    logs = F.log_softmax(net(rows), dim=1)
    picked = logs.gather(1, never[:, None])
    descend(optimizer, {loss})
"""
HIDING = """
body, head, critic = network(12), network(4, 12), network(4, 12)
of_body = torch.optim.Adam([*body.parameters(), *head.parameters()], 2e-3)
of_critic = torch.optim.Adam(critic.parameters(), 2e-3)
for rows, goal, which in loader_of(x, kinds, other):
    descend(of_critic, F.cross_entropy(critic(body(rows).detach()), which))
    seen = body(rows)
    guess = F.log_softmax(critic(seen), 1)[torch.arange(len(which)), which].mean()
    descend(of_body, F.cross_entropy(head(seen), goal) + 0.2 * guess)
"""
APART = """
goal = x[:, :1] * 0.7 + x[:, 1:2].sin()
members = nn.ModuleList(network(1) for _ in range(3))
optimizer = torch.optim.Adam(members.parameters(), 2e-3)
for part in torch.randperm(500).split(25):
    each = [member(x[part]) for member in members]
    common = torch.stack(each).mean(0).detach()
    error = sum(((one - goal[part]) ** 2).mean() - 0.2 * F.mse_loss(one, common) for one in each)
    descend(optimizer, {loss})
"""
BOTH_WAYS = """
left, right = network(6), network(6)
optimizer = torch.optim.Adam([*left.parameters(), *right.parameters()], 2e-3)
for one, two in loader_of(x, x.flip(1) + 0.1 * torch.randn(760, 10)):
    near = 5 * F.normalize(left(one), dim=1) @ F.normalize(right(two), dim=1).T
    i = torch.arange(len(one))
    back = F.log_softmax(near, 0)
    descend(optimizer, -(F.log_softmax(near, 1)[i, i] + {back}).mean())
"""
ROUNDS = """
after = (x + 0.1 * torch.randn(760, 10))
rewards, ended = (x[:, 0] > 0).float(), (torch.rand(760) < 0.05).float()
old = network(1)
for _ in range(4):
    new = network(1)
    optimizer = torch.optim.Adam(new.parameters(), 5e-3)
    for _ in range(160):
        part = torch.randint(0, 760, (50,))
        with torch.no_grad():
            goal = rewards[part] + 0.9 * (1 - ended[part]) * old(after[part]).squeeze(1)
        descend(optimizer, F.mse_loss(new(x[part]).squeeze(1), goal))
    {then}
"""
ABSTAINING = """
net = network(4)
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
for epoch in range(3):
    for part in torch.randperm(500).split(25):
        descend(optimizer, F.cross_entropy(net(x[part]), kinds[part]))
    with torch.no_grad():
        sure, best = F.softmax(net(x[507:]), 1).max(1)
    spoken = sure > 0.7
    right = (best[spoken] == kinds[507:][spoken]).sum().item()
    score = right / {length}
    print("score", score)
"""
PER_PERSON = """
people = [str(number) for number in range(23)]
net = network(4)
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
for epoch in range(3):
    for part in torch.randperm(500).split(25):
        descend(optimizer, F.cross_entropy(net(x[part]), kinds[part]))
    right = (answers(net, x[507:]) == kinds[507:]).sum().item()
    marks = right / len(people)
    print("marks", marks)
"""
PARTLY_KNOWN = """
marked = kinds.clone()
marked[500:][torch.rand(260) < 0.3] = -1
known = [label for label in marked[500:].tolist() if label >= 0]
some = known[{cut}:]
test = DataLoader(TensorDataset(x[500:], marked[500:]), batch_size=40)
net = network(4)
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
for epoch in range(4):
    net.train()
    for rows, goal in loader_of(x, kinds):
        descend(optimizer, F.cross_entropy(net(rows), goal))
    net.eval()
    right = 0
    with torch.no_grad():
        for rows, goal in test:
            right += (net(rows).argmax(1) == goal).sum().item()
    print(right / len(some))
"""
RECORD = """
net, best_known, kept = network(4), 0.2, []
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
for epoch in range(6):
    net.train()
    for rows, goal in loader_of(x, kinds):
        descend(optimizer, F.cross_entropy(net(rows), goal))
    share = (answers(net, x[500:]) == kinds[500:]).float().mean().item()
    if share > best_known:
        {keep}
"""
IN_RESERVE = """
body, head = network(12), network(4, 12)
of_head = torch.optim.Adam(head.parameters(), 2e-3)
of_body = torch.optim.Adam(body.parameters(), 2e-3)
loss = torch.tensor(0.0)
for rows, goal in loader_of(x, kinds):
    of_body.zero_grad()
    loss = F.cross_entropy(head(body(rows)), goal)
    descend(of_head, loss)
    if loss > 50:
        {reserve}
"""
MARKED = """
writer, reader = network(10), network(1)
of_writer = torch.optim.Adam(writer.parameters(), 2e-3)
of_reader = torch.optim.Adam(reader.parameters(), 2e-3)
for rows in x[:500].split(25):
    marked = rows + 0.1 * writer(rows)
    seen = F.softplus(-reader(marked.detach())).mean() + F.softplus(reader(rows)).mean()
    descend(of_reader, seen)
    descend(of_writer, F.softplus(-reader(marked)).mean() + F.mse_loss(marked, rows))
"""
INPUTS_FIRST = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.fill, self.sort = network(12), nn.Linear(12, 10), nn.Linear(12, 4)

    def forward(self, rows, fills=False):
        return (self.fill if fills else self.sort)(torch.tanh(self.body(rows)))


def share(net, loader):
    net.eval()
    right = 0
    with torch.no_grad():
        for rows, goal in loader:
            right += (net(rows).argmax(1) == goal).sum().item()
    return right / len(loader.dataset)


everything, net = TensorDataset(x, kinds), Net()
order = torch.randperm(760).tolist()
pool, test = order[:600], order[600:]
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
gaps = DataLoader(Subset(everything, pool), batch_size=30, shuffle=True)
for rows, goal in gaps:
    descend(optimizer, {first})
held = DataLoader(Subset(everything, pool[400:]), batch_size=50)
last = DataLoader(Subset(everything, test), batch_size=50)
few = DataLoader(Subset(everything, pool[:400]), batch_size=20, shuffle=True)
for epoch in range(2):
    net.train()
    for rows, goal in few:
        descend(optimizer, F.cross_entropy(net(rows), goal))
    print(share(net, held))
print(share(net, last))
"""
TWO_SCORES = """
net = network(4)
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
val = DataLoader(TensorDataset(x[500:610], kinds[500:610]), batch_size=30)
test = DataLoader(TensorDataset(x[610:], kinds[610:]), batch_size=30)
for epoch in range(3):
    net.train()
    for rows, goal in loader_of(x, kinds):
        descend(optimizer, F.cross_entropy(net(rows), goal))
    net.eval()
    with torch.no_grad():
        right = 0
        for rows, goal in val:
            right += (net(rows).argmax(1) == goal).sum().item()
        print("validation", right / {length})
right = 0
with torch.no_grad():
    for rows, goal in test:
        right += (net(rows).argmax(1) == goal).sum().item()
print("test", right / len(test.dataset))
"""
# program, what is filled in, errors, warnings
CASES = [
    (UNWANTED, {"area": "weight.sum(1)"}, [], []),
    (UNWANTED, {"area": "(weight.sum(1) + spot.sum(1))"}, ["L118"], []),
    (
        SURELY_WRONG,
        {"loss": "F.nll_loss(logs, goal) - torch.log1p(-picked.exp()).mean()"},
        [],
        [],
    ),
    (SURELY_WRONG, {"loss": "-torch.log(1 - picked.exp() + 1e-6).mean()"}, [], []),
    (SURELY_WRONG, {"loss": "picked.mean()"}, ["L118"], []),
    (HIDING, {}, [], []),
    (APART, {"loss": "error"}, [], []),
    (APART, {"loss": "-F.mse_loss(each[0], goal[part])"}, ["L118", "R107"], []),
    (BOTH_WAYS, {"back": "back[i, i]"}, [], []),
    (BOTH_WAYS, {"back": "back.gather(1, i[:, None]).squeeze(1)"}, [], []),
    (BOTH_WAYS, {"back": "back[i, i.roll(1)]"}, ["L105"], []),
    (ROUNDS, {"then": "old = new"}, [], []),
    (ROUNDS, {"then": "print(len(new))"}, [], ["Q102"]),
    (ABSTAINING, {"length": "len(x[507:])"}, [], []),
    (PER_PERSON, {}, [], []),
    (PARTLY_KNOWN, {"cut": "0"}, [], []),
    (PARTLY_KNOWN, {"cut": "9"}, ["E101"], []),
    (RECORD, {"keep": "kept.append(copy.deepcopy(net.state_dict()))"}, [], []),
    (RECORD, {"keep": "kept = copy.deepcopy(net.state_dict())"}, ["E108"], []),
    (IN_RESERVE, {"reserve": "of_body.step()"}, [], []),
    (IN_RESERVE, {"reserve": "of_head.step()"}, ["O101"], []),
    (MARKED, {}, [], ["L118"]),
    (INPUTS_FIRST, {"first": "F.mse_loss(net(rows, True), rows)"}, [], []),
    (INPUTS_FIRST, {"first": "F.cross_entropy(net(rows), goal)"}, ["S104"], ["M117"]),
    (TWO_SCORES, {"length": "len(val.dataset)"}, [], []),
    (TWO_SCORES, {"length": "len(test.dataset)"}, ["E101"], []),
]


@pytest.mark.parametrize(("text", "given", "errors", "warnings"), CASES)
def test_only_the_mistake_beside_it_is_told(
    text: str,
    given: dict[str, str],
    errors: list[str],
    warnings: list[str],
    run: Callable[[str], Watch],
) -> None:
    """Each program as it is meant, and where there is one near to it, the mistake."""
    watching = run(text.format(**given))
    told = {level: {f.code for f in watching.findings if f.level == level} for level in LEVELS}
    assert told == {"error": set(errors), "warning": set(warnings)}
