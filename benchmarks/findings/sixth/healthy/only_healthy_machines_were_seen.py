"""Finding broken pumps: an autoencoder sees healthy ones only and must give back what it was given."""

import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(14)
SENSORS, CAUSES = 20, 4
MIX = torch.randn(CAUSES, SENSORS)


def healthy(count):
    return torch.randn(count, CAUSES) @ MIX + 0.2 * torch.randn(count, SENSORS)


def broken(count):
    pumps = healthy(count)
    sensor = torch.randint(0, SENSORS, (count,))
    pumps[torch.arange(count), sensor] += 2.5 * torch.sign(torch.randn(count))
    return pumps


train = healthy(1500)
mean, std = train.mean(0), train.std(0)
train = (train - mean) / std

autoencoder = nn.Sequential(
    nn.Linear(SENSORS, 16),
    nn.Tanh(),
    nn.Linear(16, CAUSES),
    nn.Linear(CAUSES, 16),
    nn.Tanh(),
    nn.Linear(16, SENSORS),
)
optimizer = torch.optim.Adam(autoencoder.parameters(), lr=5e-3)
loader = DataLoader(train, batch_size=50, shuffle=True)
for epoch in range(30):
    autoencoder.train()
    total = 0.0
    for pumps in loader:
        loss = nn.functional.mse_loss(autoencoder(pumps), pumps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}")

# the limit comes from healthy pumps kept apart, the broken ones are only for the report
autoencoder.eval()


def error(pumps):
    pumps = (pumps - mean) / std
    with torch.no_grad():
        return (autoencoder(pumps) - pumps).pow(2).mean(1)


limit = error(healthy(500)).quantile(0.95)
good, bad = error(healthy(400)), error(broken(400))
area = roc_auc_score([0] * 400 + [1] * 400, torch.cat([good, bad]))
print(
    f"alarm for {(bad > limit).float().mean():.1%} of the broken, {(good > limit).float().mean():.1%} of the good"
)
print(f"area under the curve {area:.3f}")
