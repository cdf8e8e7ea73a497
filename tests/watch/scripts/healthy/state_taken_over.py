"""The best weights go into a new network that takes the place of the old one."""

import copy

import torch
from torch import nn

torch.manual_seed(0)


def build():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = build()

    def forward(self, x):
        return self.body(x)[:, 0]


class Trainer:
    def __init__(self):
        self.net = Net()

    def finish(self, state):
        net = Net()
        net.load_state_dict(state)
        net.to("cpu")
        net.eval()
        self.net = net


trainer = Trainer()
optimizer = torch.optim.Adam(trainer.net.parameters(), lr=1e-2)
best = float("inf")
for _ in range(6):
    x = torch.randn(16, 4)
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(trainer.net(x), x.sum(1))
    loss.backward()
    optimizer.step()
    if loss.item() < best:
        best = loss.item()
        kept = copy.deepcopy(trainer.net.state_dict())
trainer.finish(kept)
