"""A small adversarial pair that imitates points on a ring."""

import math

import torch
from torch import nn

torch.manual_seed(23)
LATENT, BATCH = 4, 128


def ring(count):
    angle = 2 * math.pi * torch.rand(count)
    radius = 2 + 0.1 * torch.randn(count)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


def mlp(inside, outside):
    return nn.Sequential(
        nn.Linear(inside, 64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, 64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, outside),
    )


generator, discriminator = mlp(LATENT, 2), mlp(2, 1)
g_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.99))
d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.99))
criterion = nn.BCEWithLogitsLoss()
real_labels, fake_labels = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

for step in range(1, 2001):
    real = ring(BATCH)
    fake = generator(torch.randn(BATCH, LATENT))
    d_loss = criterion(discriminator(real), real_labels)
    d_loss = d_loss + criterion(discriminator(fake.detach()), fake_labels)
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    g_loss = criterion(discriminator(fake), real_labels)
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    if step % 500 == 0:
        print(f"step {step}: discriminator {d_loss.item():.3f}, generator {g_loss.item():.3f}")

generator.eval()
with torch.no_grad():
    radius = generator(torch.randn(2000, LATENT)).norm(dim=1)
print(f"distance from the ring: {(radius - 2).abs().mean().item():.3f}")
