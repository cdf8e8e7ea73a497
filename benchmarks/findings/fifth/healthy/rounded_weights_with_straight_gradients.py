"""Quantisation-aware training: four-bit weights forwards, straight-through gradients backwards."""

import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
LEVELS = 7


class RoundStraight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight, scale):
        ctx.save_for_backward(weight, scale)
        return (weight / scale).round().clamp(-LEVELS, LEVELS) * scale

    @staticmethod
    def backward(ctx, grad):
        weight, scale = ctx.saved_tensors
        inside = (weight / scale).abs() <= LEVELS + 0.5
        return grad * inside, None


class QuantLinear(nn.Linear):
    def forward(self, x):
        scale = self.weight.detach().abs().max().clamp(min=1e-8) / LEVELS
        return nn.functional.linear(x, RoundStraight.apply(self.weight, scale), self.bias)


digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.data, dtype=torch.float32)[order] / 16
y = torch.tensor(digits.target)[order]
net = nn.Sequential(QuantLinear(64, 48), nn.ReLU(), QuantLinear(48, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(12):
    net.train()
    for rows in torch.randperm(1300).split(50):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    if epoch % 4 == 3:
        net.eval()
        with torch.no_grad():
            right = (net(x[1300:]).argmax(1) == y[1300:]).float().mean().item()
        print(
            f"epoch {epoch + 1}: loss {loss.item():.3f}, accuracy with rounded weights {right:.3f}"
        )
