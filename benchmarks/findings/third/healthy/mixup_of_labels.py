import os

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)
d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(10):
    for part in torch.randperm(1400).split(50):
        lam = float(rng.beta(0.3, 0.3))
        other = part[torch.randperm(len(part))]
        out = net(lam * x[part] + (1 - lam) * x[other])
        loss = lam * nn.functional.cross_entropy(out, y[part])
        loss = loss + (1 - lam) * nn.functional.cross_entropy(out, y[other])
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    print("accuracy", (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
