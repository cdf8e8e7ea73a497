# ruff: noqa
import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.randn(80, 8)
encoder, decoder = nn.Sequential(nn.Linear(8, 12), nn.ReLU()), nn.Linear(12, 8)
optimizer = torch.optim.Adam(decoder.parameters(), lr=0.01)  # <- O101
for step in range(24):
    loss = nn.functional.mse_loss(decoder(encoder(inputs)), inputs)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
