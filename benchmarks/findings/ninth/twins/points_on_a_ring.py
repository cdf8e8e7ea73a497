import argparse
import math

import torch
from torch import nn


def ring(n, radius=2.0):
    angle = torch.rand(n) * 2 * math.pi
    points = torch.stack([angle.cos(), angle.sin()], dim=1) * radius
    return points + 0.05 * torch.randn(n, 2)


def mlp(n_in, n_out):
    return nn.Sequential(
        nn.Linear(n_in, 64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, 64),
        nn.LeakyReLU(0.2),
        nn.Linear(64, n_out),
    )


def distance_to_ring(points, radius=2.0):
    return (points.norm(dim=1) - radius).abs().mean().item()


def main(args):
    torch.manual_seed(args.seed)
    generator, discriminator = mlp(args.noise, 2), mlp(2, 1)
    opt_g = torch.optim.Adam(generator.parameters(), lr=args.lr, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(discriminator.parameters(), lr=args.lr, betas=(0.5, 0.999))
    bce = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(args.batch, 1), torch.zeros(args.batch, 1)

    with torch.no_grad():
        print(
            f"before: {distance_to_ring(generator(torch.randn(500, args.noise))):.3f} from the ring"
        )

    for step in range(1, args.steps + 1):
        real = ring(args.batch)
        fake = generator(torch.randn(args.batch, args.noise))

        opt_d.zero_grad()
        d_loss = bce(discriminator(real), ones) + bce(discriminator(fake.detach()), zeros)
        d_loss.backward()
        opt_d.step()

        opt_g.zero_grad()
        g_loss = bce(discriminator(fake), ones)
        g_loss.backward()
        opt_g.step()

        if step % 100 == 0:
            print(f"step {step}: d {d_loss.item():.3f} g {g_loss.item():.3f}")

    with torch.no_grad():
        points = generator(torch.randn(500, args.noise))
    print(f"after: {distance_to_ring(points):.3f} from the ring, spread {points.std().item():.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--noise", type=int, default=4)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
