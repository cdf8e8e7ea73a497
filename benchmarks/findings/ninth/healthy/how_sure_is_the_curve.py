"""Regression whose dropout stays on when it predicts: the spread of many passes is the doubt."""

import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F


class Curve(nn.Module):
    def __init__(self, hidden=64, p=0.05):
        super().__init__()
        self.first = nn.Linear(1, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 1)
        self.p = p

    def forward(self, x):
        x = F.dropout(F.relu(self.first(x)), self.p, training=True)
        x = F.dropout(F.relu(self.second(x)), self.p, training=True)
        return self.last(x)


def measure(n):
    x = torch.rand(n, 1) * 4 - 2
    return x, torch.sin(math.pi * x) + 0.1 * torch.randn(n, 1)


def predict(model, x, passes=60):
    model.eval()
    with torch.no_grad():
        draws = torch.stack([model(x) for _ in range(passes)])
    return draws.mean(dim=0), draws.std(dim=0)


def main():
    torch.manual_seed(int(os.environ.get("SEED", "0")))
    x, y = measure(400)
    x_val, y_val = measure(100)
    model = Curve()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(800):
        rows = torch.randint(0, len(x), (64,))
        loss = F.mse_loss(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 199:
            mean, _ = predict(model, x_val)
            print(f"step {step + 1} loss {loss.item():.4f} val {F.mse_loss(mean, y_val):.4f}")
    inside = torch.linspace(-2, 2, 41).unsqueeze(1)
    outside = torch.cat([torch.linspace(-6, -4, 20), torch.linspace(4, 6, 20)]).unsqueeze(1)
    print(f"doubt where there were data {predict(model, inside)[1].mean():.3f}")
    print(f"doubt far from them         {predict(model, outside)[1].mean():.3f}")


if __name__ == "__main__":
    main()
