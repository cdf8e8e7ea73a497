# ruff: noqa
import torch
from torch import nn

torch.manual_seed(0)
inputs, wanted = torch.randn(96, 6), torch.randn(96, 1)
model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range(8):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(inputs), wanted)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # <- R106
    loss.backward()
    optimizer.step()
