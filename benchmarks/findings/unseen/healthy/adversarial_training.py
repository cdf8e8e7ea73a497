import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]

# Gradients for the pictures, two backward passes for one step.
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def attack(xb, yb, size=0.05):
    moved = xb.clone().requires_grad_(True)
    F.cross_entropy(model(moved), yb).backward()
    return (xb + size * moved.grad.sign()).clamp(0, 1).detach()


for epoch in range(6):
    for xb, yb in DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=50, shuffle=True):
        hard = attack(xb, yb)
        optimizer.zero_grad()
        loss = 0.5 * F.cross_entropy(model(xb), yb) + 0.5 * F.cross_entropy(model(hard), yb)
        loss.backward()
        optimizer.step()
hard = attack(x[1400:], y[1400:])
with torch.no_grad():
    print("accuracy", (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
    print("under attack", (model(hard).argmax(1) == y[1400:]).float().mean().item())
