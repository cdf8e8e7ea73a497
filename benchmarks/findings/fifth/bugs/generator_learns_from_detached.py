"""A small GAN that learns a ring of points."""

import math

import torch
from torch import nn

torch.manual_seed(0)
NOISE, BATCH, STEPS = 4, 128, 700


def real_points(count):
    angle = 2 * math.pi * torch.rand(count)
    ring = torch.stack([angle.cos(), angle.sin()], dim=1)
    return 2 * ring + 0.05 * torch.randn(count, 2)


def mlp(inputs, outputs):
    return nn.Sequential(
        nn.Linear(inputs, 48),
        nn.LeakyReLU(0.2),
        nn.Linear(48, 48),
        nn.LeakyReLU(0.2),
        nn.Linear(48, outputs),
    )


class GAN:
    def __init__(self):
        self.generator, self.discriminator = mlp(NOISE, 2), mlp(2, 1)
        self.opt_g = torch.optim.Adam(self.generator.parameters(), lr=1e-3, betas=(0.5, 0.99))
        self.opt_d = torch.optim.Adam(self.discriminator.parameters(), lr=1e-3, betas=(0.5, 0.99))
        self.criterion = nn.BCEWithLogitsLoss()

    def training_step(self, real):
        fake = self.generator(torch.randn(len(real), NOISE))
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)

        self.opt_d.zero_grad()
        d_loss = self.criterion(self.discriminator(real), ones)
        d_loss = d_loss + self.criterion(self.discriminator(fake.detach()), zeros)
        d_loss.backward()
        self.opt_d.step()

        self.opt_g.zero_grad()
        g_loss = self.criterion(self.discriminator(fake.detach()), ones)
        g_loss.backward()
        self.opt_g.step()
        return d_loss.item(), g_loss.item()

    @torch.no_grad()
    def sample(self, count):
        self.generator.eval()
        points = self.generator(torch.randn(count, NOISE))
        self.generator.train()
        return points


gan = GAN()
for step in range(1, STEPS + 1):
    d_loss, g_loss = gan.training_step(real_points(BATCH))
    if step % 100 == 0:
        off = (gan.sample(1000).norm(dim=1) - 2).abs().mean().item()
        print(f"step {step}: D {d_loss:.3f}, G {g_loss:.3f}, distance from the ring {off:.3f}")
