"""Four quantities at once; in the tables many of them were never measured (NaN)."""

import os

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
MIX = rng.normal(0, 0.4, (10, 4))


def samples(count, missing):
    x = rng.normal(size=(count, 10))
    y = np.tanh(x @ MIX) + 0.05 * rng.normal(size=(count, 4))
    y[rng.random(y.shape) < missing] = np.nan
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


def measured_loss(guess, truth):
    measured = ~torch.isnan(truth)
    difference = torch.where(measured, guess - truth.nan_to_num(0.0), 0.0)
    return difference.square().sum() / measured.sum().clamp(min=1)


x_train, y_train = samples(1200, missing=0.6)
x_test, y_test = samples(300, missing=0.0)
net = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 4))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(20):
    net.train()
    for rows in torch.randperm(len(x_train)).split(60):
        optimizer.zero_grad()
        loss = measured_loss(net(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        net.eval()
        with torch.no_grad():
            print(f"epoch {epoch + 1}: test error {measured_loss(net(x_test), y_test).item():.4f}")
