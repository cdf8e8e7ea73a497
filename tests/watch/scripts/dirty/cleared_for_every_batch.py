# ruff: noqa
import torch
from torch import nn

torch.manual_seed(0)
inputs, wanted = torch.randn(96, 6), torch.randn(96, 1)
model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for step, rows in enumerate(torch.randperm(96).repeat(4).split(4)):
    optimizer.zero_grad()  # <- R108
    loss = (model(inputs[rows]) - wanted[rows]).square().mean() / 8
    loss.backward()
    if step % 8 == 7:
        optimizer.step()
