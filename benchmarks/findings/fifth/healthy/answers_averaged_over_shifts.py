"""Test-time augmentation: nine shifted copies of a picture vote on the answer."""

import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.images, dtype=torch.float32)[order].unsqueeze(1) / 16
y = torch.tensor(digits.target)[order]
x_train, y_train, x_test, y_test = x[:1200], y[:1200], x[1200:], y[1200:]


def shift(pictures, down, right):
    padded = F.pad(pictures, (1, 1, 1, 1))
    return padded[..., 1 - down : 9 - down, 1 - right : 9 - right]


def random_shifts(pictures):
    moves = torch.randint(-1, 2, (len(pictures), 2)).tolist()
    return torch.stack([shift(p, *move) for p, move in zip(pictures, moves)])


net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.3),
    nn.Linear(256, 10),
)
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    net.train()
    for rows in torch.randperm(1200).split(60):
        optimizer.zero_grad()
        F.cross_entropy(net(random_shifts(x_train[rows])), y_train[rows]).backward()
        optimizer.step()

net.eval()
with torch.no_grad():
    once = net(x_test).softmax(1)
    votes = [net(shift(x_test, d, r)).softmax(1) for d in (-1, 0, 1) for r in (-1, 0, 1)]
    voted = torch.stack(votes).mean(0)
for name, chance in {"one look": once, "nine looks": voted}.items():
    right = (chance.argmax(1) == y_test).float().mean().item()
    print(f"{name}: accuracy {right:.3f}, loss {F.nll_loss(chance.log(), y_test).item():.3f}")
