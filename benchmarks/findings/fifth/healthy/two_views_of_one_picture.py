"""Contrastive learning without labels, then a linear probe on the frozen encoder."""

import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
TEMPERATURE = 0.3
digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.images, dtype=torch.float32)[order] / 16
y = torch.tensor(digits.target)[order]
x_train, y_train, x_test, y_test = x[:1300], y[:1300], x[1300:], y[1300:]


def view(pictures):
    """Shifted by at most one pixel, paler or stronger, with grain."""
    shifts = torch.randint(-1, 2, (len(pictures), 2)).tolist()
    moved = [picture.roll(shift, (0, 1)) for picture, shift in zip(pictures, shifts)]
    strength = 0.7 + 0.6 * torch.rand(len(pictures), 1, 1)
    return (torch.stack(moved) * strength + 0.1 * torch.randn_like(pictures)).flatten(1)


def contrast(a, b):
    z = F.normalize(torch.cat([a, b]), dim=1)
    likeness = z @ z.T / TEMPERATURE
    likeness.fill_diagonal_(float("-inf"))
    partner = torch.arange(len(z)).roll(len(a))
    return F.cross_entropy(likeness, partner)


encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU())
projector = nn.Linear(48, 24)
optimizer = torch.optim.Adam([*encoder.parameters(), *projector.parameters()], lr=2e-3)
for epoch in range(10):
    encoder.train()
    for pictures in x_train[torch.randperm(1300)].split(130):
        first, second = view(pictures), view(pictures)
        loss = contrast(projector(encoder(first)), projector(encoder(second)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"contrastive loss {loss.item():.3f}")

encoder.eval().requires_grad_(False)
probe = nn.Linear(48, 10)
probe_optimizer = torch.optim.Adam(probe.parameters(), lr=0.02)
with torch.no_grad():
    seen, unseen = encoder(x_train.flatten(1)), encoder(x_test.flatten(1))
for _ in range(150):
    probe_optimizer.zero_grad()
    F.cross_entropy(probe(seen), y_train).backward()
    probe_optimizer.step()
with torch.no_grad():
    print(f"probe accuracy {(probe(unseen).argmax(1) == y_test).float().mean().item():.3f}")
