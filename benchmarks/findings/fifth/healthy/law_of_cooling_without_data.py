"""A network that obeys a differential equation: u' = -k (u - 20), u(0) = 90."""

import math
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
K, ROOM, START = 0.8, 20.0, 90.0


class Temperature(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1)
        )

    def forward(self, t):
        # the first value holds by construction
        return START + t * 20 * self.body(t / 5)


net = Temperature()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for step in range(1, 601):
    t = (5 * torch.rand(64, 1)).requires_grad_()
    u = net(t)
    (slope,) = torch.autograd.grad(u.sum(), t, create_graph=True)
    residual = (slope + K * (u - ROOM)) / 20
    loss = residual.square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 150 == 0:
        print(f"step {step}: residual {loss.item():.5f}")

times = torch.linspace(0, 5, 50).unsqueeze(1)
truth = ROOM + (START - ROOM) * torch.exp(-K * times)
with torch.no_grad():
    worst = (net(times) - truth).abs().max().item()
print(f"largest error {worst:.2f} degrees; after five hours {ROOM + 70 * math.exp(-K * 5):.1f}")
