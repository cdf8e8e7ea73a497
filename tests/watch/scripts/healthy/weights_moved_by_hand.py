# ruff: noqa
"""Weights without an optimizer: accumulated and cleared, and two networks against each other."""

import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.randn(80, 5)
wanted = inputs.sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
for epoch in range(12):
    for rows in torch.arange(80).split(40):
        (nn.functional.mse_loss(net(inputs[rows]), wanted[rows]) / 2).backward()
    for p in net.parameters():
        p.data.add_(p.grad, alpha=-0.05)
        p.grad.zero_()

maker, critic = nn.Linear(3, 2), nn.Linear(2, 1)
for step in range(12):
    made = maker(torch.randn(16, 3))
    (-critic(made).mean()).backward()
    with torch.no_grad():
        for p in maker.parameters():
            p -= 0.01 * p.grad
    critic.zero_grad()
    (critic(made.detach()).mean() - critic(torch.randn(16, 2)).mean()).backward()
    with torch.no_grad():
        for p in critic.parameters():
            p -= 0.01 * p.grad
    maker.zero_grad()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
optimizer.zero_grad()
nn.functional.mse_loss(net(inputs), wanted).backward()
optimizer.step()
