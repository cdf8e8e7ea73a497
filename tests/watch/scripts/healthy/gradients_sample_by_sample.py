# ruff: noqa
"""Gradients of single samples are clipped and collected by hand, as for differential privacy."""

import torch
from torch import nn

torch.manual_seed(0)
inputs, wanted = torch.randn(40, 6), torch.randn(40, 1)
model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for rows in torch.randperm(40).split(8):
    sums = [torch.zeros_like(p) for p in model.parameters()]
    for row in rows:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs[row]), wanted[row]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for total, p in zip(sums, model.parameters()):
            total += p.grad
    for total, p in zip(sums, model.parameters()):
        p.grad = total / len(rows)
    optimizer.step()
