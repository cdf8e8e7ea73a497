import os

import torch
from sklearn.datasets import load_digits
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)


def epochs(model, optimizer, scheduler, first, last, targets, n):
    for epoch in range(n):
        for part in torch.randperm(last - first).split(40):
            part = part + first
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[part]), targets[part])
            loss.backward()
            optimizer.step()
        scheduler.step()
    return loss.item()


def accuracy(model):
    with torch.no_grad():
        return (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()


body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 48), nn.ReLU())
parity = nn.Sequential(body, nn.Linear(48, 2))
opt = torch.optim.Adam(parity.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.9)
print("parity", epochs(parity, opt, sched, 0, 700, y % 2, 8))

model = nn.Sequential(body, nn.Linear(48, 10))
body.requires_grad_(False)
opt = torch.optim.Adam(model[1].parameters(), lr=1e-2)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.9)
print("head only", epochs(model, opt, sched, 700, 1400, y, 6), accuracy(model))

body.requires_grad_(True)
opt = torch.optim.Adam(
    [{"params": body.parameters(), "lr": 1e-3}, {"params": model[1].parameters(), "lr": 4e-3}]
)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.9)
print("everything", epochs(model, opt, sched, 700, 1400, y, 12), accuracy(model))
