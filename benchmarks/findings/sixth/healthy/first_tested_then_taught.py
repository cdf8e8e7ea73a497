"""Meters that drift: every hour is first forecast, which is scored, and then learned from, once."""

import torch
from torch import nn

torch.manual_seed(3)
HOURS, WIDTH = 3000, 8


def stream():
    """The rule itself wanders, so that old data are of little use."""
    rule = torch.randn(WIDTH)
    for _ in range(HOURS):
        rule = rule + 0.02 * torch.randn(WIDTH)
        x = torch.randn(WIDTH)
        yield x, x @ rule + 0.2 * torch.randn(())


model = nn.Linear(WIDTH, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
errors, naive = [], []
for hour, (x, y) in enumerate(stream()):
    forecast = model(x).squeeze()
    loss = (forecast - y).pow(2)
    errors.append(loss.item())
    naive.append(y.pow(2).item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if hour % 500 == 499:
        recent = sum(errors[-500:]) / 500
        print(
            f"hour {hour + 1}: error of the forecasts {recent:.3f}, of zero {sum(naive[-500:]) / 500:.3f}"
        )
