"""Permutation test: the same training on shuffled labels tells what accuracy chance alone gives."""

import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)


def train_and_score(x_train, y_train, x_test, y_test):
    torch.manual_seed(SEED)
    net = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2, weight_decay=1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x_train), y_train)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return loss.item(), (net(x_test).argmax(1) == y_test).float().mean().item()


x, y = load_wine(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(
    x, y, stratify=y, test_size=0.4, random_state=SEED
)
scaler = StandardScaler().fit(x_train)
x_train = torch.tensor(scaler.transform(x_train), dtype=torch.float32)
x_test = torch.tensor(scaler.transform(x_test), dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

loss, observed = train_and_score(x_train, y_train, x_test, y_test)
print(f"true labels: loss {loss:.3f} test accuracy {observed:.3f}")

by_chance = []
for round_ in range(20):
    shuffled = y_train[torch.as_tensor(rng.permutation(len(y_train)))]
    loss, accuracy = train_and_score(x_train, shuffled, x_test, y_test)
    by_chance.append(accuracy)
p_value = (1 + sum(a >= observed for a in by_chance)) / (1 + len(by_chance))
print(
    f"shuffled labels: mean {np.mean(by_chance):.3f} highest {max(by_chance):.3f}, p = {p_value:.3f}"
)
