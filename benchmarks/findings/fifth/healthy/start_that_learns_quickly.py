"""Reptile: find a start from which any sine curve is learned in a few steps."""

import copy
import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
INNER_STEPS, INNER_RATE, TASKS = 8, 0.02, 500


def new_curve():
    height = 0.5 + 1.5 * torch.rand(1)
    shift = 3.1416 * torch.rand(1)
    return lambda x: height * torch.sin(x + shift)


def points(curve, count):
    x = 10 * torch.rand(count, 1) - 5
    return x, curve(x)


def adapt(start, curve, steps):
    net = copy.deepcopy(start)
    optimizer = torch.optim.SGD(net.parameters(), lr=INNER_RATE)
    x, y = points(curve, 20)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x), y).backward()
        optimizer.step()
    return net


def error_after(start, steps, curves):
    total = 0.0
    for curve in curves:
        net = adapt(start, curve, steps)
        with torch.no_grad():
            x, y = points(curve, 100)
            total += nn.functional.mse_loss(net(x), y).item()
    return total / len(curves)


start = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
plain = copy.deepcopy(start)
for task in range(TASKS):
    outer_rate = 0.5 * (1 - task / TASKS)
    learned = adapt(start, new_curve(), INNER_STEPS)
    with torch.no_grad():
        for weight, goal in zip(start.parameters(), learned.parameters()):
            weight.lerp_(goal, outer_rate)

curves = [new_curve() for _ in range(30)]
for steps in (0, INNER_STEPS, 32):
    ours, theirs = error_after(start, steps, curves), error_after(plain, steps, curves)
    print(f"error after {steps} steps: {ours:.3f}; from a random start {theirs:.3f}")
