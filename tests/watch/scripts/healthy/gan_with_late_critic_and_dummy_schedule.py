# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
loader = DataLoader(TensorDataset(torch.randn(160, 8)), batch_size=16, shuffle=True)
generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
critic = nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-3)
optimizer_d = torch.optim.Adam(critic.parameters(), lr=1e-3)
# drives a weight of the loss along a schedule; its parameter never gets a gradient
weight = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
schedule = torch.optim.lr_scheduler.LinearLR(weight, 0.1, 1.0, total_iters=20)
for epoch in range(3):
    for (real,) in loader:
        fake = generator(torch.randn(len(real), 4))
        optimizer_d.zero_grad()
        optimizer_g.zero_grad()
        if epoch == 0:
            # the generator first learns the mean; both optimizers are stepped all the same
            (fake.mean(0) - real.mean(0)).square().mean().backward()
        else:
            F.softplus(-critic(real)).mean().backward()
            F.softplus(critic(fake.detach())).mean().backward()
            critic.requires_grad_(False)
            (schedule.get_last_lr()[0] * F.softplus(-critic(fake)).mean()).backward()
            critic.requires_grad_(True)
        optimizer_d.step()
        optimizer_g.step()
        weight.step()
        schedule.step()
