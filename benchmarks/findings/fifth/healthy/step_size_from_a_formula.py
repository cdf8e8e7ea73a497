import math
import os

import torch
from sklearn.datasets import load_digits
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
EPOCHS, BATCH, PEAK, WARMUP = 8, 40, 0.3, 30


def step_size(step, total):
    """Straight up for a while, then half a cosine down to a hundredth."""
    if step < WARMUP:
        return PEAK * (step + 1) / WARMUP
    share = (step - WARMUP) / max(1, total - WARMUP)
    return PEAK * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def main():
    torch.manual_seed(SEED)
    digits = load_digits()
    order = torch.randperm(len(digits.target))
    x = torch.tensor(digits.data, dtype=torch.float32)[order] / 16
    y = torch.tensor(digits.target)[order]
    x_train, y_train, x_test, y_test = x[:1300], y[:1300], x[1300:], y[1300:]
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=PEAK, momentum=0.9)
    total = EPOCHS * math.ceil(len(x_train) / BATCH)
    step = 0
    for epoch in range(EPOCHS):
        net.train()
        for rows in torch.randperm(len(x_train)).split(BATCH):
            for group in optimizer.param_groups:
                group["lr"] = step_size(step, total)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x_train[rows]), y_train[rows])
            loss.backward()
            optimizer.step()
            step += 1
        net.eval()
        with torch.no_grad():
            accuracy = (net(x_test).argmax(1) == y_test).float().mean().item()
        print(f"epoch {epoch}: lr {step_size(step - 1, total):.4f}, accuracy {accuracy:.3f}")


main()
