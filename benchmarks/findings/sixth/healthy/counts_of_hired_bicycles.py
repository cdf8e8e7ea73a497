"""Counts per hour with a Poisson loss: the net gives the rate itself, kept above zero by softplus."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)


def hours(count):
    hour = torch.randint(0, 24, (count,))
    rain = (torch.rand(count) < 0.3).float()
    angle = 2 * torch.pi * hour / 24
    x = torch.stack([angle.sin(), angle.cos(), (2 * angle).sin(), (2 * angle).cos(), rain], 1)
    rate = 6 + 5 * torch.sin(angle - 1.5) + 3 * torch.sin(2 * angle) * (1 - rain)
    rate = rate.clamp(min=0.3) * (1 - 0.5 * rain)
    return x, torch.poisson(rate), rate


x, hired, _ = hours(3000)
loader = DataLoader(TensorDataset(x, hired), batch_size=60, shuffle=True)
net = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1), nn.Softplus())
criterion = nn.PoissonNLLLoss(log_input=False)
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(20):
    net.train()
    total = 0.0
    for inputs, count in loader:
        optimizer.zero_grad()
        loss = criterion(net(inputs).squeeze(1), count)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")

net.eval()
x, _, rate = hours(1000)
with torch.no_grad():
    error = (net(x).squeeze(1) - rate).abs().mean().item()
print(
    f"mean error of the rate {error:.2f}, rates from {rate.min().item():.1f} to {rate.max().item():.1f}"
)
