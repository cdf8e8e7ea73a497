import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
G = nn.Sequential(nn.Linear(3, 24), nn.LeakyReLU(0.2), nn.Linear(24, 1))
D = nn.Sequential(nn.Linear(1, 24), nn.LeakyReLU(0.2), nn.Linear(24, 1))
opt_g, opt_d = torch.optim.Adam(G.parameters(), lr=2e-3), torch.optim.Adam(D.parameters(), lr=2e-3)
bce = nn.BCEWithLogitsLoss()
for step in range(400):
    real = torch.randn(64, 1) * 0.5 + 3
    fake = G(torch.randn(64, 3))
    D.zero_grad()
    d_loss = bce(D(real), torch.full((64, 1), 0.9)) + bce(D(fake.detach()), torch.zeros(64, 1))
    d_loss.backward()
    opt_d.step()
    # The generator's pass leaves gradients in D; they are cleared above.
    G.zero_grad()
    g_loss = bce(D(fake), torch.ones(64, 1))
    g_loss.backward()
    opt_g.step()
with torch.no_grad():
    out = G(torch.randn(1000, 3))
print(f"samples: mean {out.mean():.2f} std {out.std():.2f}")
