import os

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_diabetes()
x = torch.tensor(scale(d.data)).float()
y = torch.tensor(scale(d.target)).float()
net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 1))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for _ in range(60):
    for part in torch.randperm(350).split(35):
        opt.zero_grad()
        nn.functional.mse_loss(net(x[part]).squeeze(1), y[part]).backward()
        opt.step()
net.eval()
# Uncertainty from many passes with dropout on.
for module in net.modules():
    if isinstance(module, nn.Dropout):
        module.train()
with torch.no_grad():
    draws = torch.stack([net(x[350:]).squeeze(1) for _ in range(50)])
print("mse of the mean", nn.functional.mse_loss(draws.mean(0), y[350:]).item())
print("mean spread", draws.std(0).mean().item())
