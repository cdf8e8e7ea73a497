import os

import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
QUANTILES = torch.tensor([[0.1, 0.5, 0.9]])


def draw(n):
    x = 2 * torch.rand(n, 1) - 1
    return x, torch.sin(3 * x) + (0.1 + 0.3 * (x + 1)) * torch.randn(n, 1)


def pinball(predicted, y):
    gap = y - predicted  # one column against three
    return torch.maximum(QUANTILES * gap, (QUANTILES - 1) * gap).mean()


x, y = draw(1500)
x_val, y_val = draw(500)
net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=15 * 30)
for epoch in range(15):
    total = 0.0
    for part in torch.randperm(1500).split(50):
        loss = pinball(net(x[part]), y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item() * len(part)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: {total / 1500:.4f}")
with torch.no_grad():
    below = (y_val < net(x_val)).float().mean(0)
print("share below", [round(v, 2) for v in below.tolist()])
