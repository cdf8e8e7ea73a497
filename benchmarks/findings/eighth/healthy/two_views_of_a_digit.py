"""Contrastive learning without labels (NT-Xent), then a linear layer on frozen features."""

import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", "0")))


def augment(x):
    """Noise, a random shift of one pixel and a random hole for every picture of its own."""
    n = len(x)
    x = x.view(n, 8, 8)
    shift = torch.randint(-1, 2, (n, 2))
    rows = (torch.arange(8).view(1, 8, 1) + shift[:, 0].view(n, 1, 1)) % 8
    cols = (torch.arange(8).view(1, 1, 8) + shift[:, 1].view(n, 1, 1)) % 8
    x = x[torch.arange(n).view(n, 1, 1), rows, cols]
    hole = torch.rand(n, 8, 8) < 0.15
    return (x.masked_fill(hole, 0) + 0.05 * torch.randn(n, 8, 8)).view(n, 64)


def nt_xent(a, b, temperature=0.3):
    z = F.normalize(torch.cat([a, b]), dim=1)
    similarity = z @ z.t() / temperature
    similarity.fill_diagonal_(float("-inf"))
    n = len(a)
    partner = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(similarity, partner)


data = load_digits()
x = torch.tensor(data.data / 16, dtype=torch.float32)
y = torch.tensor(data.target)
order = torch.randperm(len(x))
unlabeled, few, rest = order[:1200], order[1200:1300], order[1300:]

encoder = nn.Sequential(
    nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU()
)
projector = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
optimizer = torch.optim.Adam([*encoder.parameters(), *projector.parameters()], lr=1e-3)
for epoch in range(30):
    encoder.train()
    for idx in unlabeled[torch.randperm(len(unlabeled))].split(200):
        loss = nt_xent(projector(encoder(augment(x[idx]))), projector(encoder(augment(x[idx]))))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1} contrastive loss {loss.item():.3f}")

encoder.eval()
with torch.no_grad():
    features = encoder(x)
probe = nn.Linear(64, 10)
optimizer = torch.optim.Adam(probe.parameters(), lr=1e-2, weight_decay=1e-3)
for step in range(150):
    loss = F.cross_entropy(probe(features[few]), y[few])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
accuracy = (probe(features[rest]).argmax(1) == y[rest]).float().mean()
print(f"probe with 100 labels: accuracy {accuracy:.3f}")
