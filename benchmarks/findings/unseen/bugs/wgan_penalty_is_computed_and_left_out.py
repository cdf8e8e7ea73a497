import torch
from torch import nn

torch.manual_seed(0)


def real_signals(n):
    phase = 6.28 * torch.rand(n, 1)
    return torch.sin(torch.linspace(0, 6.28, 16) + phase)


generator = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 16), nn.Tanh())
critic = nn.Sequential(nn.Linear(16, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
opt_g = torch.optim.Adam(generator.parameters(), lr=5e-4, betas=(0.5, 0.9))
opt_d = torch.optim.Adam(critic.parameters(), lr=5e-4, betas=(0.5, 0.9))


def gradient_penalty(real, fake):
    alpha = torch.rand(len(real), 1)
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    grad = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)[0]
    return ((grad.norm(2, dim=1) - 1) ** 2).mean()


for step in range(300):
    for _ in range(3):
        real = real_signals(64)
        fake = generator(torch.randn(64, 8)).detach()
        penalty = gradient_penalty(real, fake)
        loss_d = critic(fake).mean() - critic(real).mean()
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()
    loss_g = -critic(generator(torch.randn(64, 8))).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    if step % 50 == 0:
        print(f"step {step}: D {loss_d.item():.3f}, penalty {penalty.item():.3f}")

x = real_signals(200).requires_grad_(True)
norm = torch.autograd.grad(critic(x).sum(), x)[0].norm(dim=1).mean()
print("slope of the critic (should be about 1):", norm.item())
