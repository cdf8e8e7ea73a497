import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
gen = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
critic = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
og = torch.optim.Adam(gen.parameters(), lr=1e-3, betas=(0.0, 0.9))
oc = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.9))
for step in range(500):
    for _ in range(4):
        real = torch.randn(64, 2) * 0.3 + torch.tensor([2.0, -1.0])
        fake = gen(torch.randn(64, 4)).detach()
        mix = torch.rand(64, 1)
        between = (mix * real + (1 - mix) * fake).requires_grad_(True)
        (g,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        loss = critic(fake).mean() - critic(real).mean() + 10 * ((g.norm(dim=1) - 1) ** 2).mean()
        oc.zero_grad()
        loss.backward()
        oc.step()
    og.zero_grad()
    (-critic(gen(torch.randn(64, 4))).mean()).backward()
    og.step()
with torch.no_grad():
    print("mean of the samples", gen(torch.randn(500, 4)).mean(0).tolist())
