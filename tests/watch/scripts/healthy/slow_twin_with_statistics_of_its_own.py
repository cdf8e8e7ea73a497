"""A target network follows by a moving average and normalises by its own batches, as in BYOL."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
rows = torch.randn(320, 16)
online = nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 8))
predictor = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))
slow = copy.deepcopy(online).requires_grad_(False)
optimizer = torch.optim.Adam([*online.parameters(), *predictor.parameters()], lr=2e-3)
for epoch in range(4):
    for part in torch.randperm(320).split(32):
        one = rows[part] + 0.1 * torch.randn(len(part), 16)
        other = rows[part] + 0.1 * torch.randn(len(part), 16)
        loss = -F.cosine_similarity(predictor(online(one)), slow(other)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for target, source in zip(slow.parameters(), online.parameters(), strict=True):
                target.lerp_(source, 0.05)
    print(f"epoch {epoch}: loss {loss.item():.3f}")
