# ruff: noqa
import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.randn(96, 5, 6)
wanted = inputs.sum((1, 2))
encoder, head = nn.GRU(6, 8, batch_first=True), nn.Linear(8, 1)
optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=0.01)
for step in range(24):
    last = encoder(inputs)[0][:, -1].detach()  # <- M107
    loss = (head(last).squeeze(1) - wanted).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
