import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(6):
    for part in torch.randperm(1400).split(50):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = net(x[part])
        loss = nn.functional.cross_entropy(out.float(), y[part])
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    print("accuracy", (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
