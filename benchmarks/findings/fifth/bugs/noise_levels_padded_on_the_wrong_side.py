"""A small diffusion model of points on two moons."""

import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons
from torch import nn

torch.manual_seed(0)
STEPS = 60
points, _ = make_moons(2000, noise=0.04, random_state=0)
points = torch.tensor(points, dtype=torch.float32)
points = (points - points.mean(0)) / points.std(0)


class Diffusion(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
        betas = torch.linspace(1e-3, 0.12, STEPS)
        alphas = 1 - betas
        bars = torch.cumprod(alphas, dim=0)
        bars_before = F.pad(bars[:-1], (0, 1), value=1.0)
        self.register_buffer("bars", bars)
        self.register_buffer("clean_weight", betas * bars_before.sqrt() / (1 - bars))
        self.register_buffer("noisy_weight", (1 - bars_before) * alphas.sqrt() / (1 - bars))
        self.register_buffer("spread", (betas * (1 - bars_before) / (1 - bars)).sqrt())

    def predict(self, x, t):
        phase = t[:, None] / STEPS * torch.tensor([1.0, 2.0, 4.0]) * torch.pi
        return self.net(torch.cat([x, phase.sin(), phase.cos()], dim=1))

    def loss(self, x):
        t = torch.randint(0, STEPS, (len(x),))
        noise = torch.randn_like(x)
        bar = self.bars[t][:, None]
        return F.mse_loss(self.predict(bar.sqrt() * x + (1 - bar).sqrt() * noise, t), noise)

    @torch.no_grad()
    def sample(self, count):
        x = torch.randn(count, 2)
        for step in reversed(range(STEPS)):
            noise = self.predict(x, torch.full((count,), step))
            bar = self.bars[step]
            clean = ((x - (1 - bar).sqrt() * noise) / bar.sqrt()).clamp(-3, 3)
            x = self.clean_weight[step] * clean + self.noisy_weight[step] * x
            x = x + self.spread[step] * torch.randn_like(x)
        return x


net = nn.Sequential(nn.Linear(8, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 2))
model = Diffusion(net)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(1, 41):
    model.train()
    for part in torch.randperm(len(points)).split(200):
        optimizer.zero_grad()
        loss = model.loss(points[part])
        loss.backward()
        optimizer.step()
    if epoch % 10 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

model.eval()
drawn = model.sample(1000)
distance = torch.cdist(drawn, points).min(dim=1).values
print(f"drawn points lie {distance.mean().item():.3f} from the nearest true point")
