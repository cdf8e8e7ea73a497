"""Full-batch training with L-BFGS, whose closure is called many times for each step."""

import torch
import torch.nn as nn

SEED = 19
torch.manual_seed(SEED)

x = torch.rand(200, 1) * 2
x_test = torch.linspace(0, 2, 100).unsqueeze(1)


class Decay(nn.Module):
    """A net for u' = -2u with u(0) = 1: no data for u, only the equation."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh())
        self.out = nn.Linear(24, 1)

    def forward(self, t):
        return self.out(self.net(t))


model = Decay()
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=15, history_size=20)


def residual(t):
    t = t.clone().requires_grad_(True)
    u = model(t)
    (du,) = torch.autograd.grad(u.sum(), t, create_graph=True)
    return ((du + 2 * u) ** 2).mean()


def closure():
    optimizer.zero_grad()
    start = (model(torch.zeros(1, 1)) - 1).pow(2).sum()
    loss = residual(x) + 10 * start
    loss.backward()
    return loss


for step in range(12):
    loss = optimizer.step(closure)
    with torch.no_grad():
        error = (model(x_test) - torch.exp(-2 * x_test)).abs().max()
    print(f"step {step} loss {loss.item():.2e} largest error {error:.4f}")
