import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

SEED = int(os.environ.get("SEED", 0))
EPS = 0.08
torch.manual_seed(SEED)
d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)


def attack(inputs, labels):
    inputs = inputs.clone().requires_grad_(True)
    cross_entropy(net(inputs), labels).backward()
    return (inputs + EPS * inputs.grad.sign()).clamp(0, 1).detach()


def score(inputs, labels):
    with torch.no_grad():
        return (net(inputs).argmax(1) == labels).float().mean().item()


for epoch in range(8):
    for part in torch.randperm(1400).split(50):
        hard = attack(x[part], y[part])
        opt.zero_grad()  # also what the attack has left behind
        loss = 0.5 * cross_entropy(net(x[part]), y[part]) + 0.5 * cross_entropy(net(hard), y[part])
        loss.backward()
        opt.step()
    print(f"epoch {epoch}: {loss.item():.3f}")
print("clean", score(x[1400:], y[1400:]))
print("attacked", score(attack(x[1400:], y[1400:]), y[1400:]))
