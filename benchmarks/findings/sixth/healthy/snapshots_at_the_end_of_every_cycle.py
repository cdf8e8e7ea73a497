"""Warm restarts: the rate jumps up again every six epochs; the nets before the jumps vote together."""

import copy

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(13)
CYCLE, CYCLES = 6, 4


def data(count):
    x = torch.randn(count, 12)
    y = (x[:, 0] * x[:, 1] + x[:, 2] ** 2 - x[:, 3] > 0.7).long()
    return x, y


train = TensorDataset(*data(1500))
test_x, test_y = data(1500)
loader = DataLoader(train, batch_size=50, shuffle=True)
net = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=CYCLE)
snapshots = []
for epoch in range(CYCLE * CYCLES):
    net.train()
    for number, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step(epoch + number / len(loader))
    if (epoch + 1) % CYCLE == 0:
        snapshots.append(copy.deepcopy(net).eval())
        rate = optimizer.param_groups[0]["lr"]
        print(f"epoch {epoch + 1}: rate {rate:.5f}, loss {loss.item():.3f}")

with torch.no_grad():
    votes = torch.stack([one(test_x).softmax(1) for one in snapshots])
single = (votes.argmax(2) == test_y).float().mean(1)
together = (votes.mean(0).argmax(1) == test_y).float().mean().item()
print("alone:", " ".join(f"{value:.3f}" for value in single.tolist()), f"together: {together:.3f}")
