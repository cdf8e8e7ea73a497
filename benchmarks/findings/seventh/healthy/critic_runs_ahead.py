"""Wasserstein GAN with gradient penalty: five steps of the critic for one of the generator."""

import torch
import torch.nn as nn

SEED = 13
torch.manual_seed(SEED)
N_CRITIC, LAMBDA, Z = 5, 1.0, 4


def real_points(n):
    centre = torch.randint(0, 4, (n,))
    centres = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    return centres[centre] + 0.2 * torch.randn(n, 2)


G = nn.Sequential(nn.Linear(Z, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2))
D.append(nn.Linear(64, 1))
optimizer_G = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.0, 0.9))
optimizer_D = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.0, 0.9))


def gradient_penalty(real, fake):
    a = torch.rand(len(real), 1)
    between = (a * real + (1 - a) * fake).requires_grad_(True)
    (grads,) = torch.autograd.grad(D(between).sum(), between, create_graph=True)
    return ((grads.norm(2, dim=1) - 1) ** 2).mean()


for step in range(1, 1501):
    real = real_points(128)
    fake = G(torch.randn(128, Z)).detach()
    d_loss = -D(real).mean() + D(fake).mean() + LAMBDA * gradient_penalty(real, fake)
    optimizer_D.zero_grad()
    d_loss.backward()
    optimizer_D.step()
    if step % N_CRITIC == 0:
        g_loss = -D(G(torch.randn(128, Z))).mean()
        optimizer_G.zero_grad()
        g_loss.backward()
        optimizer_G.step()
    if step % 500 == 0:
        with torch.no_grad():
            made = G(torch.randn(2000, Z))
        radius = made.norm(dim=1)
        print(f"step {step} critic {d_loss.item():.3f} mean radius {radius.mean():.2f}")

near = ((radius - 2).abs() < 0.6).float().mean()
print(f"share of made points near a centre's radius {near:.3f}")
