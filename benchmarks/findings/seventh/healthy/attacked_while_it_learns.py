"""Adversarial training: the attack climbs the loss over the input, the net descends it."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

SEED = 8
torch.manual_seed(SEED)
digits = load_digits()
X = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)


def pgd(model, x, labels, eps=0.12, step=0.05, n=4):
    adv = (x + torch.empty_like(x).uniform_(-eps, eps)).clamp(0, 1)
    for _ in range(n):
        adv = adv.detach().requires_grad_()
        cost = F.cross_entropy(model(adv), labels)
        (grad,) = torch.autograd.grad(cost, adv)
        adv = adv.detach() + step * grad.sign()
        adv = torch.max(torch.min(adv, x + eps), x - eps).clamp(0, 1)
    return adv.detach()


def robust_accuracy(model):
    model.eval()
    adv = pgd(model, X[1300:], y[1300:])
    with torch.no_grad():
        clean = (model(X[1300:]).argmax(1) == y[1300:]).float().mean()
        attacked = (model(adv).argmax(1) == y[1300:]).float().mean()
    return f"clean {clean:.3f} attacked {attacked:.3f}"


for name in ("plain", "adversarial"):
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(12):
        for idx in torch.randperm(1300).split(64):
            inputs = X[idx]
            if name == "adversarial":
                model.eval()
                inputs = pgd(model, inputs, y[idx])
            model.train()
            loss = F.cross_entropy(model(inputs), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    print(name, robust_accuracy(model))
