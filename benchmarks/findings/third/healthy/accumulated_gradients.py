import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.3)
STEPS = 4
for epoch in range(8):
    opt.zero_grad()
    for i, part in enumerate(torch.randperm(1408).split(22)):
        (nn.functional.cross_entropy(net(x[part]), y[part]) / STEPS).backward()
        if (i + 1) % STEPS == 0:
            opt.step()
            opt.zero_grad()
with torch.no_grad():
    print("accuracy", (net(x[1408:]).argmax(1) == y[1408:]).float().mean().item())
