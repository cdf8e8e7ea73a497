"""Waiting times at a counter: one output per quantile, trained with the pinball loss."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(16)
QUANTILES = torch.tensor([0.1, 0.5, 0.9])


def visits(count):
    x = torch.rand(count, 2)  # hour of the day, number of clerks
    scale = 0.3 + x[:, :1] + 0.5 * (1 - x[:, 1:])
    return x, scale * torch.empty(count, 1).exponential_()


def pinball(prediction, wait):
    error = prediction - wait
    return torch.maximum(QUANTILES * error, (QUANTILES - 1) * error).mean()


train = TensorDataset(*visits(2000))
test_x, test_wait = visits(1000)
net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(20):
    total = 0.0
    for x, wait in DataLoader(train, batch_size=50, shuffle=True):
        optimizer.zero_grad()
        loss = pinball(net(x), wait)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {total / 40:.4f}")

net.eval()
with torch.no_grad():
    below = (test_wait <= net(test_x)).float().mean(0)
for quantile, share in zip(QUANTILES.tolist(), below.tolist()):
    print(f"the {quantile:.0%} time was enough for {share:.1%} of the visitors")
