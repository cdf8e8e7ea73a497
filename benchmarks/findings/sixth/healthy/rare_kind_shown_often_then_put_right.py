"""Fraud is rare: it is drawn more often in training, and the logits are put right for its true share."""

import math

import torch
from sklearn.metrics import average_precision_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(23)
SHARE = 0.03


def payments(count):
    fraud = (torch.rand(count) < SHARE).float()
    x = torch.randn(count, 8) + 1.1 * fraud.unsqueeze(1) * torch.tensor([1.0, 1, -1, 1, 0, 0, 0, 0])
    return x, fraud


x, fraud = payments(6000)
weights = torch.where(fraud > 0, 0.5 / fraud.sum(), 0.5 / (1 - fraud).sum())
sampler = WeightedRandomSampler(weights, num_samples=len(fraud), replacement=True)
loader = DataLoader(TensorDataset(x, fraud), batch_size=100, sampler=sampler)
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-3)
for epoch in range(6):
    net.train()
    total = 0.0
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(net(inputs).squeeze(1), target)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / len(loader):.3f}")

# half of what was shown was fraud; outside it is a few percent
known_share = fraud.mean().item()
shift = math.log(known_share / (1 - known_share))
net.eval()
x, fraud = payments(6000)
with torch.no_grad():
    probability = torch.sigmoid(net(x).squeeze(1) + shift)
print(f"mean probability {probability.mean().item():.3f}, true share {fraud.mean().item():.3f}")
print(f"average precision {average_precision_score(fraud, probability):.3f}")
