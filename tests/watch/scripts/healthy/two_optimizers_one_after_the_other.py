# ruff: noqa
"""Adam first and LBFGS afterwards over the same weights; experts that seldom get a sample."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 10), nn.Tanh(), nn.Linear(10, 1))
x = torch.linspace(0, 1, 20)[:, None].requires_grad_()
adam, lbfgs = (
    torch.optim.Adam(net.parameters(), 1e-3),
    torch.optim.LBFGS(net.parameters(), max_iter=3),
)


def residual():
    slope = torch.autograd.grad(net(x).sum(), x, create_graph=True)[0]
    equation_loss = (slope + net(x)).square().mean()
    return equation_loss + (net(torch.zeros(1, 1)) - 1).square().mean()


for step in range(8):
    adam.zero_grad()
    residual().backward()
    adam.step()


def closure():
    lbfgs.zero_grad()
    loss = residual()
    loss.backward()
    return loss


for step in range(4):
    lbfgs.step(closure)


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, 4)
        self.experts = nn.ModuleList(nn.Linear(8, 8) for _ in range(4))

    def forward(self, x):
        chance, which = self.gate(x).softmax(1).max(1)
        y = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            mine = which == number
            if mine.any():
                y[mine] = chance[mine, None] * torch.relu(expert(x[mine]))
        return x + y


experts = Experts()
optimizer = torch.optim.Adam(experts.parameters(), 1e-3)
for step in range(30):
    inputs = torch.randn(24, 8)
    optimizer.zero_grad()
    nn.functional.mse_loss(experts(inputs), inputs.relu()).backward()
    optimizer.step()
