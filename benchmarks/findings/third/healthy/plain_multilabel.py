import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
x = torch.randn(1200, 10)
y = (x @ torch.randn(10, 4) > 0).float()
net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 4))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
loss_fn = nn.BCEWithLogitsLoss()
for epoch in range(10):
    for part in torch.randperm(1000).split(50):
        opt.zero_grad()
        loss = loss_fn(net(x[part]), y[part])
        loss.backward()
        opt.step()
with torch.no_grad():
    print("per label", ((net(x[1000:]) > 0).float() == y[1000:]).float().mean(0).tolist())
