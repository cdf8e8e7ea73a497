"""A small GAN for points on a ring, with the hinge and the non-saturating loss to choose from."""

import argparse
import math

import torch
from torch import nn
from torch.nn import functional


def hinge_d_loss(logits_real, logits_fake):
    return 0.5 * (
        functional.relu(1.0 - logits_real).mean() + functional.relu(1.0 + logits_fake).mean()
    )


def non_saturating_d_loss(logits_real, logits_fake):
    real_loss = functional.binary_cross_entropy_with_logits(
        logits_real, target=torch.ones_like(logits_real)
    )
    fake_loss = functional.binary_cross_entropy_with_logits(
        logits_fake, target=torch.ones_like(logits_fake)
    )
    return 0.5 * (real_loss + fake_loss)


def hinge_g_loss(logits_fake):
    return -logits_fake.mean()


def non_saturating_g_loss(logits_fake):
    return functional.binary_cross_entropy_with_logits(
        logits_fake, target=torch.ones_like(logits_fake)
    )


LOSSES = {
    "hinge": (hinge_d_loss, hinge_g_loss),
    "non-saturating": (non_saturating_d_loss, non_saturating_g_loss),
}


def ring(n):
    angle = 2 * math.pi * torch.rand(n)
    radius = 2.0 + 0.1 * torch.randn(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def mlp(n_in, n_out):
    return nn.Sequential(
        nn.Linear(n_in, 64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, 64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, n_out),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--loss", choices=list(LOSSES), default="non-saturating")
    parser.add_argument("--steps", type=int, default=2500)
    args = parser.parse_args([])
    torch.manual_seed(30)

    generator, discriminator = mlp(8, 2), mlp(2, 1)
    d_loss_fn, g_loss_fn = LOSSES[args.loss]
    opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.9))
    opt_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.9))
    for step in range(1, args.steps + 1):
        real = ring(128)
        fake = generator(torch.randn(128, 8))
        d_loss = d_loss_fn(discriminator(real), discriminator(fake.detach()))
        opt_d.zero_grad()
        d_loss.backward()
        opt_d.step()

        g_loss = g_loss_fn(discriminator(fake))
        opt_g.zero_grad()
        g_loss.backward()
        opt_g.step()
        if step % 500 == 0:
            with torch.no_grad():
                radius = generator(torch.randn(1000, 8)).norm(dim=1)
            off = (radius - 2).abs().mean()
            print(
                f"step {step} d {d_loss:.3f} g {g_loss:.3f} mean distance from the ring {off:.3f}"
            )


if __name__ == "__main__":
    main()
