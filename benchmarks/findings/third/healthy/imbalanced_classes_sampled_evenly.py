import os

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(int(os.environ.get("SEED", 0)))
x = torch.cat([torch.randn(900, 6), torch.randn(60, 6) + 1.2])
y = torch.cat([torch.zeros(900), torch.ones(60)]).long()
weights = 1.0 / torch.bincount(y)[y].double()
loader = DataLoader(TensorDataset(x, y), 48, sampler=WeightedRandomSampler(weights, len(y)))
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(6):
    for xb, yb in loader:
        opt.zero_grad()
        nn.functional.cross_entropy(net(xb), yb).backward()
        opt.step()
xt, yt = torch.cat([torch.randn(300, 6), torch.randn(300, 6) + 1.2]), torch.arange(600) // 300
with torch.no_grad():
    print("balanced accuracy", (net(xt).argmax(1) == yt).float().mean().item())
