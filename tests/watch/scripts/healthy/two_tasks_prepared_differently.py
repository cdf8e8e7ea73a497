"""One backbone learns two tasks one after the other; the first is scored again in the end."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.rand(480, 1, 8, 8)
y = (x[:, 0, :4].mean((1, 2)) > x[:, 0, 4:].mean((1, 2))).long()
backbone = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU())
first, second = nn.Linear(32, 2), nn.Linear(32, 2)
tasks = [
    (first, DataLoader(TensorDataset(x[:320], y[:320]), batch_size=32, shuffle=True)),
    (second, DataLoader(TensorDataset(0.9 + 0.1 * x[:96], y[:96]), batch_size=32, shuffle=True)),
]
for head, loader in tasks:
    optimizer = torch.optim.Adam([*backbone.parameters(), *head.parameters()], lr=3e-3)
    for _ in range(2):
        for xb, yb in loader:
            optimizer.zero_grad()
            F.cross_entropy(head(backbone(xb)), yb).backward()
            optimizer.step()
with torch.no_grad():
    right = (first(backbone(x[320:])).argmax(1) == y[320:]).float().mean().item()
print("accuracy of the first task", right)
