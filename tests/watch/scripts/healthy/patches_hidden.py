"""Patches are hidden and asked back, and the network is given what is left."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(24, 48), nn.ReLU(), nn.Linear(48, 24))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(6):
    series = torch.randn(32, 1).expand(32, 24) + 0.1 * torch.randn(32, 24)
    hidden = torch.rand(32, 24) < 0.3
    blanked = series.clone()
    blanked[hidden] = 0.0
    restored = net(blanked)
    loss = nn.functional.mse_loss(restored[hidden], series[hidden])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
