"""Prices of flats; the street, of which there are hundreds, is replaced by its mean price."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(9)
torch.manual_seed(9)
STREETS = 1500
worth = rng.normal(0, 0.3, STREETS)


def sales(count):
    street = rng.integers(0, STREETS, count)
    area, age = rng.normal(0, 1, (2, count))
    price = area - 0.5 * age + worth[street] + rng.normal(0, 0.9, count)
    return street, np.stack([area, age], 1), price


def mean_price(street, price):
    sums = np.bincount(street, weights=price, minlength=STREETS)
    counts = np.bincount(street, minlength=STREETS)
    return (sums + price.mean()) / (counts + 1)


def tensors(street, rest, price, means):
    x = np.column_stack([rest, means[street]])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(price, dtype=torch.float32)


def r_squared(net, x, y):
    net.eval()
    with torch.no_grad():
        left = (net(x).squeeze(1) - y).pow(2).sum()
    return (1 - left / (y - y.mean()).pow(2).sum()).item()


street, rest, price = sales(3000)
past, recent = slice(0, 1200), slice(1200, None)
means = mean_price(street, price)
x, y = tensors(street[recent], rest[recent], price[recent], means)
train_x, test_x = x[:1300], x[1300:]
train_y, test_y = y[:1300], y[1300:]

net = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-3)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=50, shuffle=True)
for epoch in range(25):
    net.train()
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(inputs).squeeze(1), target)
        loss.backward()
        optimizer.step()

print(f"R2 on the test sales {r_squared(net, test_x, test_y):.3f}")
print(f"R2 on the sales of the year after {r_squared(net, *tensors(*sales(2000), means)):.3f}")
