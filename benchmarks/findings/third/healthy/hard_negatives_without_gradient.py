import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(8):
    for part in torch.randperm(1400).split(70):
        z = nn.functional.normalize(net(x[part]), dim=1)
        same = y[part][:, None] == y[part][None, :]
        with torch.no_grad():
            dist = torch.cdist(z, z)
            pos = dist.masked_fill(~same, -1).argmax(1)
            neg = dist.masked_fill(same, 9).argmin(1)
        loss = nn.functional.triplet_margin_loss(z, z[pos], z[neg], margin=0.5)
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    z = nn.functional.normalize(net(x), dim=1)
    near = torch.cdist(z[1400:], z[:1400]).argmin(1)
print("nearest neighbour accuracy", (y[:1400][near] == y[1400:]).float().mean().item())
