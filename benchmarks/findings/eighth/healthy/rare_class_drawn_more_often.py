"""Rare cases are drawn more often in training; at test time the logits are set back to the true shares."""

import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(int(os.environ.get("SEED", "0")))


def screening(n):
    y = (torch.rand(n) < 0.06).long()
    x = torch.randn(n, 8)
    x[:, 0] += 1.5 * y
    x[:, 1] += torch.where(y == 1, torch.randn(n) * 1.5, torch.zeros(n))
    return x, y


x_train, y_train = screening(4000)
x_test, y_test = screening(4000)
counts = torch.bincount(y_train)
share = counts / counts.sum()
sampler = WeightedRandomSampler((1 / counts)[y_train], num_samples=2000, replacement=True)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, sampler=sampler)
test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=500, shuffle=False)

model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()


@torch.no_grad()
def evaluate(prior):
    model.eval()
    found, alarms, log_loss = 0, 0, 0.0
    for x, y in test_loader:
        logits = model(x) + prior
        guess = logits.argmax(1)
        found += ((guess == 1) & (y == 1)).sum().item()
        alarms += ((guess == 1) & (y == 0)).sum().item()
        log_loss += nn.functional.cross_entropy(logits, y, reduction="sum").item()
    positives = (y_test == 1).sum().item()
    return found / positives, alarms / (len(y_test) - positives), log_loss / len(y_test)


for epoch in range(12):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    if epoch % 3 == 2:
        recall, alarms, drawn_loss = evaluate(torch.zeros(2))
        _, _, true_loss = evaluate(share.log() - torch.tensor([0.5, 0.5]).log())
        print(
            f"epoch {epoch + 1:2d} loss {loss.item():.3f} recall {recall:.3f} false alarms {alarms:.3f} "
            f"log loss {drawn_loss:.3f}, with true shares {true_loss:.3f}"
        )
