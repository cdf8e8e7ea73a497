import os

import torch
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# The discriminator's loss also makes gradients in the generator; they are zeroed before its own.
centre = torch.tensor([1.5, -1.0])
G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1), nn.Sigmoid())
opt_g = torch.optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.999))
bce = nn.BCELoss()
for step in range(500):
    real = centre + 0.3 * torch.randn(64, 2)
    d_loss = bce(D(real), torch.ones(64, 1)) + bce(D(G(torch.randn(64, 4))), torch.zeros(64, 1))
    opt_d.zero_grad()
    d_loss.backward()
    opt_d.step()

    g_loss = bce(D(G(torch.randn(64, 4))), torch.ones(64, 1))
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
with torch.no_grad():
    print("distance", (G(torch.randn(1000, 4)).mean(0) - centre).norm().item())
