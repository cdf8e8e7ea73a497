"""Colours for grey values: a generator with a distance to the truth and a critic of colours."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(14)


def pixels(n):
    """A grey value and the two colour differences that go with it: each thing is red or blue."""
    grey = torch.rand(n, 1)
    side = torch.where(torch.rand(n, 1) < 0.5, 1.0, -1.0)
    colour = torch.cat([side * (0.5 + 0.3 * grey), -side * 0.4], dim=1)
    return grey, colour + 0.05 * torch.randn(n, 2)


class Generator(nn.Module):
    def __init__(self, noise=4):
        super().__init__()
        self.noise = noise
        self.net = nn.Sequential(
            nn.Linear(1 + noise, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2)
        )

    def forward(self, grey):
        z = torch.randn(len(grey), self.noise)
        return self.net(torch.cat([grey, z], dim=1))


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(3, 48),
            nn.LeakyReLU(0.2),
            nn.Linear(48, 48),
            nn.LeakyReLU(0.2),
            nn.Linear(48, 1),
        )

    def forward(self, grey, colour):
        return self.net(torch.cat([grey, colour], dim=1))


class Model:
    def __init__(self, w_con=0.3, w_adv=1.0):
        self.netg, self.netd = Generator(), Critic()
        self.optimizer_g = torch.optim.Adam(self.netg.parameters(), lr=1e-3, betas=(0.5, 0.999))
        self.optimizer_d = torch.optim.Adam(self.netd.parameters(), lr=1e-3, betas=(0.5, 0.999))
        self.bce = nn.BCEWithLogitsLoss()
        self.w_con, self.w_adv = w_con, w_adv

    def optimize(self, grey, colour):
        fake = self.netg(grey)

        pred_real = self.netd(grey, colour)
        pred_fake = self.netd(grey, fake.detach())
        err_d = self.bce(pred_real, torch.ones_like(pred_real)) + self.bce(
            pred_fake, torch.zeros_like(pred_fake)
        )
        self.optimizer_d.zero_grad()
        err_d.backward()
        self.optimizer_d.step()

        pred_fake = self.netd(grey, fake).detach()
        err_g = self.w_con * F.mse_loss(fake, colour) + self.w_adv * self.bce(
            pred_fake, torch.ones_like(pred_fake)
        )
        self.optimizer_g.zero_grad()
        err_g.backward()
        self.optimizer_g.step()
        return err_d.item(), err_g.item()


model = Model()
for step in range(3000):
    err_d, err_g = model.optimize(*pixels(64))
    if step % 500 == 499:
        grey, truth = pixels(1000)
        with torch.no_grad():
            made = model.netg(grey)
        print(
            f"step {step + 1} err_d {err_d:.3f} err_g {err_g:.3f} "
            f"saturation {made.norm(dim=1).mean():.3f} (true {truth.norm(dim=1).mean():.3f})"
        )
