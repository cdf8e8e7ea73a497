import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)
for epoch in range(6):
    for part in torch.randperm(1400).split(50):
        nn.functional.cross_entropy(net(x[part]), y[part]).backward()
        with torch.no_grad():
            norm = torch.stack([p.grad.norm() for p in net.parameters()]).norm()
            moves = [0.05 * p.grad / (norm + 1e-12) for p in net.parameters()]
            for p, m in zip(net.parameters(), moves):
                p.add_(m)
        opt.zero_grad()
        nn.functional.cross_entropy(net(x[part]), y[part]).backward()
        with torch.no_grad():
            for p, m in zip(net.parameters(), moves):
                p.sub_(m)
        opt.step()
        opt.zero_grad()
with torch.no_grad():
    print("accuracy", (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
