"""Five tasks one after another; a small reservoir of old samples keeps them in mind."""

import os
import random

import torch
from sklearn.datasets import load_digits
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)
digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.data, dtype=torch.float32)[order] / 16
y = torch.tensor(digits.target)[order]
x_train, y_train, x_test, y_test = x[:1300], y[:1300], x[1300:], y[1300:]


class Reservoir:
    def __init__(self, size):
        self.size, self.seen, self.items = size, 0, []

    def add(self, row):
        self.seen += 1
        if len(self.items) < self.size:
            self.items.append(row)
        else:
            place = random.randrange(self.seen)
            if place < self.size:
                self.items[place] = row

    def draw(self, count):
        return torch.tensor(random.sample(self.items, min(count, len(self.items))))


net = nn.Sequential(nn.Linear(64, 80), nn.ReLU(), nn.Linear(80, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
memory = Reservoir(150)
for task in range(5):
    rows = ((y_train // 2) == task).nonzero().squeeze(1)
    for epoch in range(5):
        net.train()
        for part in rows[torch.randperm(len(rows))].split(20):
            chosen = torch.cat([part, memory.draw(20)]) if memory.items else part
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x_train[chosen]), y_train[chosen])
            loss.backward()
            optimizer.step()
    for row in rows.tolist():
        memory.add(row)
    net.eval()
    known = y_test < 2 * (task + 1)
    with torch.no_grad():
        right = (net(x_test[known]).argmax(1) == y_test[known]).float().mean().item()
    print(f"after task {task}: accuracy on all the digits so far {right:.3f}")
