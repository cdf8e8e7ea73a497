# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[160:], labels[160:]), batch_size=16)

generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
critic = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-4)
optimizer_d = torch.optim.Adam(critic.parameters(), lr=1e-4)
for epoch in range(3):
    for i, (real, _) in enumerate(train_loader):
        fake = generator(torch.randn(len(real), 4))
        mixed = (real + torch.rand(len(real), 1) * (fake.detach() - real)).requires_grad_()
        (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
        loss = (
            critic(fake.detach()).mean()
            - critic(real).mean()
            + 10 * ((slope.norm(dim=1) - 1) ** 2).mean()
        )
        optimizer_d.zero_grad()
        loss.backward()
        optimizer_d.step()
        if i % 5 == 4:
            optimizer_g.zero_grad()
            (-critic(fake).mean()).backward()
            optimizer_g.step()
