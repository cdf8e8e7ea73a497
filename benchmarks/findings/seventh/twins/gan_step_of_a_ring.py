"""A plain GAN on points of a ring, with one `step` for both players."""

import math

import torch
import torch.nn as nn

torch.manual_seed(5)


def real_points(n):
    angle = 2 * math.pi * torch.rand(n)
    radius = 2.0 + 0.05 * torch.randn(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


class GAN:
    def __init__(self, latent_dims=8, lr=1e-3):
        self.latent_dims = latent_dims
        self.generator = nn.Sequential(
            nn.Linear(latent_dims, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
        )
        self.discriminator = nn.Sequential(
            nn.Linear(2, 64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 1),
        )
        self.optimizerD = torch.optim.Adam(self.discriminator.parameters(), lr, betas=(0.5, 0.999))
        self.optimizerG = torch.optim.Adam(self.generator.parameters(), lr, betas=(0.5, 0.999))
        self.criterion = nn.BCEWithLogitsLoss()

    def sample(self, n):
        return self.generator(torch.randn(n, self.latent_dims))

    def step(self, data):
        n = len(data)
        ones, zeros = torch.ones(n, 1), torch.zeros(n, 1)

        self.discriminator.zero_grad()
        errD_real = self.criterion(self.discriminator(data), ones)
        errD_real.backward()
        fake = self.sample(n)
        errD_fake = self.criterion(self.discriminator(fake.detach()), zeros)
        errD_fake.backward()
        self.optimizerD.step()

        self.generator.zero_grad()
        errG = self.criterion(self.discriminator(fake), ones)
        errG.backward()
        self.optimizerG.step()
        return (errD_real + errD_fake).item(), errG.item()


gan = GAN()
for epoch in range(6):
    for _ in range(250):
        errD, errG = gan.step(real_points(128))
    with torch.no_grad():
        radius = gan.sample(2000).norm(dim=1)
    near = ((radius - 2.0).abs() < 0.3).float().mean()
    print(f"epoch {epoch} D {errD:.3f} G {errG:.3f} share of points on the ring {near:.3f}")
