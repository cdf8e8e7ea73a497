import os
import random

import numpy as np
import torch
import torch.nn as nn

seed = int(os.environ.get("SEED", 0))
random.seed(seed)
np.random.seed(seed)
torch.manual_seed(seed)


def real_batch(n):
    side = (torch.rand(n, 1) < 0.5).float() * 2 - 1
    return 1.5 * side + 0.2 * torch.randn(n, 1)


G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
D = nn.Sequential(
    nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)
)
g_optim = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.9))
d_optim = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.9))
criterion = nn.BCEWithLogitsLoss()


def train_d(n=128):
    real = real_batch(n)
    with torch.no_grad():
        fake = G(torch.randn(n, 4))
    verdict = D(torch.cat([real, fake]))
    truth = torch.cat([torch.full((n, 1), 0.9), torch.zeros(n, 1)])
    loss = criterion(verdict, truth)
    D.zero_grad()
    loss.backward()
    d_optim.step()
    return loss.item()


def train_g(n=128):
    # D takes part but is not moved: its gradients are wiped before its own next step
    loss = criterion(D(G(torch.randn(n, 4))), torch.ones(n, 1))
    G.zero_grad()
    loss.backward()
    g_optim.step()
    return loss.item()


for step in range(1, 601):
    d_loss = train_d()
    g_loss = train_g()
    if step % 150 == 0:
        print(f"{step:4d}  d {d_loss:.3f}  g {g_loss:.3f}")

with torch.no_grad():
    points = G(torch.randn(1000, 4))
near = ((points.abs() - 1.5).abs() < 0.6).float().mean().item()
print(
    f"near one of the two hills: {near:.3f}, on the right side: {(points > 0).float().mean():.3f}"
)
