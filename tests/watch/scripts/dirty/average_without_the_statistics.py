# ruff: noqa
import copy

import torch
from torch import nn

torch.manual_seed(0)
inputs = 3 + 2 * torch.randn(200, 6)
wanted = inputs.sum(1, keepdim=True)
model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
average = copy.deepcopy(model)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for rows in torch.randperm(200).repeat(3).split(20):
    optimizer.zero_grad()
    nn.functional.mse_loss(model(inputs[rows]), wanted[rows]).backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(average.parameters(), model.parameters()):  # <- M113
            slow.lerp_(fast, 0.1)
average.eval()
with torch.no_grad():
    print(nn.functional.mse_loss(average(inputs), wanted).item())
