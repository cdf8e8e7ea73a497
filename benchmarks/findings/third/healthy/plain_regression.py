import os

import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_diabetes()
x = torch.tensor(d.data * 20).float()
y = torch.tensor(d.target).float().unsqueeze(1)
mean, std = y[:350].mean(), y[:350].std()
net = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.02)
for epoch in range(30):
    for part in torch.randperm(350).split(25):
        opt.zero_grad()
        nn.functional.mse_loss(net(x[part]), (y[part] - mean) / std).backward()
        opt.step()
with torch.no_grad():
    print("mean absolute error", (net(x[350:]) * std + mean - y[350:]).abs().mean().item())
