import os

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
x, y = load_breast_cancer(return_X_y=True)
order = torch.randperm(len(y))
x, y = torch.tensor(x).float()[order], torch.tensor(y).float()[order]
mean, std = x[:400].mean(0), x[:400].std(0)
x = (x - mean) / std

# five readers, each wrong once in six times: the target is the share of their votes
wrong = torch.rand(5, len(y)) < 1 / 6
votes = torch.where(wrong, 1 - y, y)
target = votes.mean(0)

net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid(), nn.Flatten(0))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(15):
    total = 0.0
    for part in torch.randperm(400).split(25):
        loss = nn.functional.binary_cross_entropy(net(x[part]), target[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(part)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {total / 400:.4f}")
with torch.no_grad():
    out = net(x[400:])
print("against the truth", ((out > 0.5) == (y[400:] > 0.5)).float().mean().item())
