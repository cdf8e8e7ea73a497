"""A third of the labels are wrong: each network learns what the other finds easy."""

import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
WRONG, EPOCHS = 0.35, 12
digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.data, dtype=torch.float32)[order] / 16
y = torch.tensor(digits.target)[order]
x_train, x_test, y_test = x[:1300], x[1300:], y[1300:]
noisy = y[:1300].clone()
spoilt = torch.rand(1300) < WRONG
noisy[spoilt] = torch.randint(0, 10, (int(spoilt.sum()),))


def network():
    return nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))


left, right = network(), network()
opt_left = torch.optim.Adam(left.parameters(), lr=2e-3)
opt_right = torch.optim.Adam(right.parameters(), lr=2e-3)


def easiest(net, rows, count):
    with torch.no_grad():
        losses = F.cross_entropy(net(x_train[rows]), noisy[rows], reduction="none")
    return rows[losses.argsort()[:count]]


for epoch in range(EPOCHS):
    keep = 1 - WRONG * min(1.0, epoch / 4)
    left.train()
    right.train()
    for rows in torch.randperm(1300).split(65):
        count = int(keep * len(rows))
        for_right, for_left = easiest(left, rows, count), easiest(right, rows, count)
        for net, optimizer, chosen in ((left, opt_left, for_left), (right, opt_right, for_right)):
            optimizer.zero_grad()
            F.cross_entropy(net(x_train[chosen]), noisy[chosen]).backward()
            optimizer.step()

left.eval()
right.eval()
with torch.no_grad():
    both = left(x_test).softmax(1) + right(x_test).softmax(1)
print(f"labels used at the end {keep:.2f}")
print(f"accuracy on clean test labels {(both.argmax(1) == y_test).float().mean().item():.3f}")
