"""Federated averaging over clients of which each has samples of one class."""

# ruff: noqa
import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset

torch.manual_seed(0)
labels = torch.arange(240) % 3
inputs = torch.randn(3, 8)[labels] + 0.7 * torch.randn(240, 8)
train_set = TensorDataset(inputs[:180], labels[:180])
test_loader = DataLoader(TensorDataset(inputs[180:], labels[180:]), batch_size=20)
clients = [Subset(train_set, range(number, 180, 3)) for number in range(3)]

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
for _ in range(2):
    states = []
    for client in clients:
        local = copy.deepcopy(model)
        optimizer = torch.optim.SGD(local.parameters(), lr=0.05)
        for x, y in DataLoader(client, batch_size=15, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(local(x), y).backward()
            optimizer.step()
        states.append(local.state_dict())
    model.load_state_dict({k: sum(s[k] for s in states) / 3 for k in states[0]})
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in test_loader)
    print(right / 60)
