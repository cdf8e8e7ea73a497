# ruff: noqa
import copy

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 3))
slow = copy.deepcopy(model)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for step in range(12):
    states, after = torch.randn(32, 6), torch.randn(32, 6)
    actions, rewards = torch.randint(3, (32,)), torch.randn(32)
    done = (torch.rand(32) < 0.1).float()
    with torch.no_grad():
        best = slow(after).max(dim=1)[1]
        target = rewards + 0.9 * (1 - done) * best  # <- Q107
    value = model(states).gather(1, actions[:, None]).squeeze(1)
    optimizer.zero_grad()
    F.smooth_l1_loss(value, target).backward()
    optimizer.step()
