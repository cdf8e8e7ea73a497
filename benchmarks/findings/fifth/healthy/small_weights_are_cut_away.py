"""Magnitude pruning: cut, keep the cut weights at zero by hooks, and train on."""

import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.data, dtype=torch.float32)[order] / 16
y = torch.tensor(digits.target)[order]
net = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))


def train(epochs, rate):
    optimizer = torch.optim.SGD(net.parameters(), lr=rate)
    net.train()
    for _ in range(epochs):
        for rows in torch.randperm(1300).split(26):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()


def report(stage):
    net.eval()
    with torch.no_grad():
        right = (net(x[1300:]).argmax(1) == y[1300:]).float().mean().item()
    matrices = [layer.weight for layer in net if isinstance(layer, nn.Linear)]
    zeros = sum((w == 0).sum().item() for w in matrices) / sum(w.numel() for w in matrices)
    print(f"{stage:12} accuracy {right:.3f}, zero weights {zeros:.2f}")


def prune(share):
    """Returns the hooks that hold the cut weights at zero."""
    hooks = []
    for layer in net:
        if isinstance(layer, nn.Linear):
            limit = layer.weight.detach().abs().flatten().quantile(share)
            mask = (layer.weight.detach().abs() > limit).float()
            with torch.no_grad():
                layer.weight.mul_(mask)
            hooks.append(layer.weight.register_hook(lambda grad, mask=mask: grad * mask))
    return hooks


train(12, 0.2)
report("dense")
for share in (0.6, 0.85):
    hooks = prune(share)
    report(f"cut {share}")
    train(5, 0.1)
    report("trained on")
    for hook in hooks:
        hook.remove()
