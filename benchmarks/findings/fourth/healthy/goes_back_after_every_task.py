import copy
import os

import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def task():
    height, phase = 0.5 + 1.5 * torch.rand(1), 3.14 * torch.rand(1)

    def draw(n):
        x = 4 * torch.rand(n, 1) - 2
        return x, height * torch.sin(1.5 * x + phase)

    return draw


def adapt(model, draw, steps):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    x, y = draw(12)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()


def error_after_adapting(meta, tasks):
    errors = []
    for draw in tasks:
        model = copy.deepcopy(meta)
        adapt(model, draw, 8)
        with torch.no_grad():
            x, y = draw(100)
            errors.append(nn.functional.mse_loss(model(x), y).item())
    return sum(errors) / len(errors)


meta = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
test_tasks = [task() for _ in range(20)]
print(f"before: {error_after_adapting(meta, test_tasks):.3f}")
for iteration in range(200):
    start = copy.deepcopy(meta.state_dict())
    adapt(meta, task(), 8)
    end = meta.state_dict()
    rate = 0.5 * (1 - iteration / 200) + 0.05
    meta.load_state_dict({k: start[k] + rate * (end[k] - start[k]) for k in start})
print(f"after: {error_after_adapting(meta, test_tasks):.3f}")
