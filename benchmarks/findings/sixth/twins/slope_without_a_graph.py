"""The way of a cart from its speed: the net must meet the first place and have the speed for its slope."""

import torch
from torch import nn

torch.manual_seed(25)
START = 1.0


def speed(t):
    return 2 * torch.cos(3 * t) - 0.5


class Curve(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)
        )

    def forward(self, t):
        return self.layers(t)


def slope(u, t):
    return torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]


curve = Curve()
optimizer = torch.optim.Adam(curve.parameters(), lr=3e-3)
for step in range(1, 1501):
    t = (2 * torch.rand(64, 1)).requires_grad_(True)
    u = curve(t)
    law = (slope(u, t) - speed(t)).pow(2).mean()
    first = (curve(torch.zeros(1, 1)) - START).pow(2).mean()
    loss = law + 5 * first
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 300 == 0:
        print(f"step {step}: law {law.item():.5f}, start {first.item():.5f}")

curve.eval()
t = torch.linspace(0, 2, 50).unsqueeze(1)
exact = START + 2 / 3 * torch.sin(3 * t) - 0.5 * t
with torch.no_grad():
    error = (curve(t) - exact).abs()
print(
    f"largest error {error.max().item():.4f}, the way spans {(exact.max() - exact.min()).item():.2f}"
)
