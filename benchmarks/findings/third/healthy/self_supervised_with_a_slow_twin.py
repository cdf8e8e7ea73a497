import copy
import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
x, y = torch.tensor(d.data / 16).float(), torch.tensor(d.target)
online = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
predictor = nn.Sequential(nn.Linear(32, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32))
slow = copy.deepcopy(online).requires_grad_(False)
opt = torch.optim.Adam([*online.parameters(), *predictor.parameters()], lr=2e-3)
for epoch in range(8):
    for part in torch.randperm(1400).split(70):
        a = x[part] + 0.1 * torch.randn(70, 64)
        b = x[part] + 0.1 * torch.randn(70, 64)
        loss = -nn.functional.cosine_similarity(predictor(online(a)), slow(b)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            for s, o in zip(slow.parameters(), online.parameters()):
                s.lerp_(o, 0.05)
online.eval()
probe = nn.Linear(32, 10)
popt = torch.optim.Adam(probe.parameters(), lr=1e-2)
with torch.no_grad():
    z = online(x)
for _ in range(150):
    popt.zero_grad()
    nn.functional.cross_entropy(probe(z[:1400]), y[:1400]).backward()
    popt.step()
with torch.no_grad():
    print("probe accuracy", (probe(z[1400:]).argmax(1) == y[1400:]).float().mean().item())
