"""Least-squares GAN: the same made points serve both players, cut off from the graph for one of them."""

import math
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))


def eight_blobs(n):
    angle = 2 * math.pi * torch.randint(0, 8, (n,)) / 8
    centre = torch.stack([angle.cos(), angle.sin()], dim=1)
    return 2 * centre + 0.1 * torch.randn(n, 2)


def perceptron(n_in, n_out):
    return nn.Sequential(
        nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, n_out)
    )


generator, discriminator = perceptron(8, 2), perceptron(2, 1)
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.99))

for step in range(1500):
    fake = generator(torch.randn(128, 8))

    # real points are told 0.9, made points 0
    d_loss = ((discriminator(eight_blobs(128)) - 0.9) ** 2).mean()
    d_loss = d_loss + (discriminator(fake.detach()) ** 2).mean()
    opt_d.zero_grad()
    d_loss.backward()
    opt_d.step()

    discriminator.requires_grad_(False)
    g_loss = ((discriminator(fake) - 0.9) ** 2).mean()
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
    discriminator.requires_grad_(True)

    if step % 300 == 299:
        with torch.no_grad():
            radius = generator(torch.randn(1000, 8)).norm(dim=1)
        print(
            f"step {step + 1} d {d_loss.item():.3f} g {g_loss.item():.3f} radius {radius.mean():.2f}"
        )
