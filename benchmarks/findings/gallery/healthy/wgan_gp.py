import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x), batch_size=64, shuffle=True, drop_last=True)
generator = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 64))
critic = nn.Sequential(nn.Linear(64, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
g_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
c_optimizer = torch.optim.Adam(critic.parameters(), lr=1e-4, betas=(0.0, 0.9))
step = 0
for epoch in range(3):
    for (real,) in loader:
        fake = generator(torch.randn(64, 8)).detach()
        mix = torch.rand(64, 1)
        between = (mix * real + (1 - mix) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
        c_loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
        c_optimizer.zero_grad()
        c_loss.backward()
        c_optimizer.step()
        step += 1
        if step % 5 == 0:
            g_loss = -critic(generator(torch.randn(64, 8))).mean()
            g_optimizer.zero_grad()
            g_loss.backward()
            g_optimizer.step()
    print(epoch, c_loss.item())
