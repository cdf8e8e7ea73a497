import os

import torch
from sklearn.datasets import make_moons
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# A normalising flow: the loss is a log-density and goes below zero.

data = torch.tensor(make_moons(1500, noise=0.05, random_state=SEED)[0], dtype=torch.float32)
data = (data - data.mean(0)) / data.std(0) * 0.3


class Coupling(nn.Module):
    def __init__(self, flip):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(
            nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2)
        )
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        a, b = x.flip(1).chunk(2, 1) if self.flip else x.chunk(2, 1)
        scale, shift = self.net(a).chunk(2, 1)
        scale = 2 * torch.tanh(scale)
        out = torch.cat([a, b * scale.exp() + shift], 1)
        return (out.flip(1) if self.flip else out), scale.sum(1)


layers = nn.ModuleList(Coupling(i % 2 == 1) for i in range(6))
optimizer = torch.optim.Adam(layers.parameters(), lr=2e-3)
base = torch.distributions.Normal(0.0, 1.0)
for step in range(300):
    z = data[torch.randint(len(data), (128,))]
    log_det = 0.0
    for layer in layers:
        z, change = layer(z)
        log_det = log_det + change
    loss = -(base.log_prob(z).sum(1) + log_det).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.3f}")
