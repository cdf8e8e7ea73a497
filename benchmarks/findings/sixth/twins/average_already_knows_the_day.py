"""Tomorrow's orders of a bakery from the orders of the last week and their running average."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(14)
torch.manual_seed(14)
DAYS, WEEK = 1400, 7

week = np.array([0.0, 0.1, 0.1, 0.3, 0.9, 1.4, -0.6])
level = np.zeros(DAYS)
for day in range(1, DAYS):
    level[day] = 0.95 * level[day - 1] + rng.normal(0, 0.25)
orders = level + week[np.arange(DAYS) % 7] + rng.normal(0, 0.5, DAYS)

features, answers = [], []
for day in range(WEEK, DAYS):
    last_days = orders[day - WEEK : day]
    running = orders[day - WEEK : day].mean()
    weekday = np.eye(7)[day % 7]
    features.append(np.concatenate([last_days, [running], weekday]))
    answers.append(orders[day])
x = torch.tensor(np.array(features), dtype=torch.float32)
y = torch.tensor(answers, dtype=torch.float32)
border = int(0.8 * len(y))
train = TensorDataset(x[:border], y[:border])
loader = DataLoader(train, batch_size=64, shuffle=True)

net = nn.Sequential(nn.Linear(x.shape[1], 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(60):
    net.train()
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(inputs).squeeze(1), target)
        loss.backward()
        optimizer.step()

net.eval()
with torch.no_grad():
    error = (net(x[border:]).squeeze(1) - y[border:]).pow(2).mean().sqrt().item()
    as_today = (y[border - 1 : -1] - y[border:]).pow(2).mean().sqrt().item()
print(f"error of the last fifth {error:.3f}, of 'as today' {as_today:.3f}")

# one week of use: the orders of the coming day are not there yet
total = 0.0
for day in range(DAYS - 28, DAYS):
    known = orders[day - WEEK : day]
    row = np.concatenate([known, [known.mean()], np.eye(7)[day % 7]])
    with torch.no_grad():
        guess = net(torch.tensor(row, dtype=torch.float32)).item()
    total += (guess - orders[day]) ** 2
print(f"error in use over four weeks {(total / 28) ** 0.5:.3f}")
