"""A rate range test: the rate climbs until the loss bursts, then everything is put back as it was."""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(15)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
order = torch.randperm(len(y))
loader = DataLoader(TensorDataset(x[order[:1300]], y[order[:1300]]), batch_size=32, shuffle=True)
test_x, test_y = x[order[1300:]], y[order[1300:]]

net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()


def burst_rate(net, start=1e-4, factor=1.25):
    """The rate at which the loss is four times the lowest one."""
    before = copy.deepcopy(net.state_dict())
    optimizer = torch.optim.SGD(net.parameters(), lr=start, momentum=0.9)
    rate, lowest = start, float("inf")
    while rate < 1000:
        for inputs, target in loader:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            loss = criterion(net(inputs), target)
            loss.backward()
            optimizer.step()
            lowest = min(lowest, loss.item())
            rate *= factor
            if not loss.item() < 4 * lowest + 2:
                net.load_state_dict(before)
                return rate
    net.load_state_dict(before)
    return rate


burst = burst_rate(net)
rate = burst / 30
print(f"the loss bursts at {burst:.3f}, so the rate is {rate:.4f}")
optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
for epoch in range(12):
    net.train()
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = criterion(net(inputs), target)
        loss.backward()
        optimizer.step()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")

net.eval()
with torch.no_grad():
    print(f"test accuracy {(net(test_x).argmax(1) == test_y).float().mean().item():.3f}")
