"""The schedule's function reads settings of the module and of its builder, and gives the rate."""

import torch
from torch import nn

torch.manual_seed(0)
BASE, WARM = 0.01, 3


def decayed(step, power):
    return BASE * min(1.0, step / WARM) * power ** max(0, step - WARM)


def build(optimizer, power):
    rule = lambda step: decayed(step, power)  # noqa: E731
    return torch.optim.lr_scheduler.LambdaLR(optimizer, rule)  # <- O104: itself (0.01)


model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=BASE)
scheduler = build(optimizer, 0.95)
for _ in range(6):
    for _ in range(3):
        x, y = torch.randn(16, 6), torch.randint(0, 3, (16,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
