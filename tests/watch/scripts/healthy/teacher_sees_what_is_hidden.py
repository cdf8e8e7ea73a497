"""A teacher is given the whole input, the student the one with gaps; the loss asks for the gaps."""

import torch
from torch import nn

torch.manual_seed(0)
student, teacher = nn.Linear(16, 16), nn.Linear(16, 16)
optimizer = torch.optim.Adam(student.parameters(), lr=1e-2)
for _ in range(6):
    x = torch.randn(32, 16)
    gaps = torch.rand(32, 16) < 0.3
    shown = x.masked_fill(gaps, 0.0)
    guess = student(shown)
    with torch.no_grad():
        hint = teacher(x)
    loss = nn.functional.mse_loss(guess[gaps], x[gaps]) + (guess - hint).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
