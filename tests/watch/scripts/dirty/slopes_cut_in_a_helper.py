"""The second slope is taken in a helper without a graph; its square is only added."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)


def steepness(values, at):
    (slope,) = torch.autograd.grad(values.sum(), at, retain_graph=True)  # <- L108: has no path
    return slope


for _ in range(8):
    at = torch.rand(32, 1, requires_grad=True)
    height = net(at)
    residual = steepness(height, at) + height.detach()
    loss = residual.square().mean() + (net(torch.zeros(4, 1)) - 1).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
