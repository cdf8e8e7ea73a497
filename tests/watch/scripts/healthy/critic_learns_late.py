# ruff: noqa
import torch
from torch import nn

# the second optimizer's first gradient comes after 250 steps, when a loop is followed lightly
torch.manual_seed(0)
generator, critic = nn.Linear(4, 2), nn.Linear(2, 1)
optimizer_g = torch.optim.Adam(generator.parameters())
optimizer_d = torch.optim.Adam(critic.parameters())
for step in range(300):
    fake = generator(torch.randn(8, 4))
    score = critic(fake.detach())
    ((fake - 1) ** 2).mean().backward()
    if step > 250:
        (score - 1).square().mean().backward()
    optimizer_g.step()
    optimizer_d.step()
    optimizer_g.zero_grad()
    optimizer_d.zero_grad()
