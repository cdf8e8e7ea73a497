# ruff: noqa
import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.randn(96, 6)
encoder, decoder = nn.Linear(6, 2), nn.Linear(2, 6)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.01)
for step in range(8):
    code = encoder(inputs).tanh()
    loss = nn.functional.mse_loss(decoder(code), inputs)
    penalty = code.abs().mean()  # <- M114
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"{step} {loss.item():.3f} {penalty.item():.3f}")
