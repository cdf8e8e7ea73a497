"""Cosine rate with warm restarts; at the end of each cycle a snapshot joins the committee."""

import copy
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", "0")))
CYCLE = 6

digits = load_digits()
noise = 4 * torch.randn(len(digits.data), 64)
x = (torch.tensor(digits.data, dtype=torch.float32) + noise) / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
loader = DataLoader(TensorDataset(x[order[:1000]], y[order[:1000]]), batch_size=50, shuffle=True)
x_test, y_test = x[order[1000:]], y[order[1000:]]

model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.1), nn.Linear(96, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=CYCLE * len(loader), eta_min=1e-3)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
committee = []

for epoch in range(3 * CYCLE):
    model.train()
    for inputs, targets in loader:
        loss = criterion(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    if epoch % CYCLE == CYCLE - 1:
        committee.append(copy.deepcopy(model).eval())
        with torch.no_grad():
            votes = torch.stack([member(x_test).softmax(1) for member in committee])
        alone = (votes[-1].argmax(1) == y_test).float().mean().item()
        together = (votes.mean(0).argmax(1) == y_test).float().mean().item()
        rate = optimizer.param_groups[0]["lr"]
        print(
            f"epoch {epoch + 1} loss {loss.item():.3f} next rate {rate:.3f} alone {alone:.3f} committee {together:.3f}"
        )
