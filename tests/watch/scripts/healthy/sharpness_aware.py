# ruff: noqa
"""Two passes for each step; the first one's gradients move the weights by hand and are cleared."""

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

torch.manual_seed(0)
inputs, wanted = torch.randn(96, 6), torch.randn(96, 1)
model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
plateau = ReduceLROnPlateau(optimizer, mode="max", patience=3)
for epoch in range(3):
    for rows in torch.randperm(96).split(24):
        nn.functional.mse_loss(model(inputs[rows]), wanted[rows]).backward()
        with torch.no_grad():
            ways = [0.05 * p.grad / (p.grad.norm() + 1e-9) for p in model.parameters()]
            for p, way in zip(model.parameters(), ways):
                p.add_(way)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs[rows]), wanted[rows])
        loss.backward()
        with torch.no_grad():
            for p, way in zip(model.parameters(), ways):
                p.sub_(way)
        optimizer.step()
        optimizer.zero_grad()
    plateau.step(-loss.item())
