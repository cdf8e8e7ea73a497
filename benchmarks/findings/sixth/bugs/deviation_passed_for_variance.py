"""A sensor whose noise grows with the load: the net gives a mean and a deviation."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(17)


def readings(count):
    load = torch.rand(count, 1) * 2
    noise = 0.05 + 0.15 * load
    return load, torch.sin(3 * load) + noise * torch.randn(count, 1)


class MeanAndDeviation(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh())
        self.mean = nn.Linear(48, 1)
        self.deviation = nn.Linear(48, 1)

    def forward(self, x):
        h = self.body(x)
        return self.mean(h), nn.functional.softplus(self.deviation(h)) + 1e-3


loader = DataLoader(TensorDataset(*readings(1500)), batch_size=50, shuffle=True)
model = MeanAndDeviation()
criterion = nn.GaussianNLLLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(30):
    model.train()
    total = 0.0
    for load, value in loader:
        mean, deviation = model(load)
        loss = criterion(mean, value, deviation)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")

model.eval()
load, value = readings(2000)
with torch.no_grad():
    mean, deviation = model(load)
distance = (value - mean).abs() / deviation
for width in (1, 2):
    share = (distance < width).float().mean().item()
    print(f"within {width} deviation(s): {share:.1%}")
