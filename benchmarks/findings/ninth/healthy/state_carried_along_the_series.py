"""One long series cut into stretches that are read in order; the state goes on from one to the next."""

import os

import numpy as np
import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
STREAMS, STRETCH, HIDDEN = 16, 25, 32


def series(n, rng):
    t = np.arange(n)
    slow = np.sin(2 * np.pi * t / 97)
    return (slow + 0.5 * np.sin(2 * np.pi * t / 13) * slow + rng.normal(0, 0.05, n)).astype(
        "float32"
    )


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1)

    def forward(self, x, state):
        h, state = self.lstm(x, state)
        return x + self.out(h), state


def detach(state):
    return tuple(s.detach() for s in state)


def time_first(values):
    """(time, streams, 1): stream k holds the k-th part of the series."""
    usable = len(values) // STREAMS * STREAMS
    return torch.from_numpy(values[:usable]).view(STREAMS, -1).t().unsqueeze(-1)


def main():
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    values = series(8000, rng)
    train, test = time_first(values[:6400]), time_first(values[6400:])

    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss_fn = nn.MSELoss()
    for epoch in range(8):
        model.train()
        state, total, steps = None, 0.0, 0
        for start in range(0, len(train) - 1 - STRETCH, STRETCH):
            x = train[start : start + STRETCH]
            y = train[start + 1 : start + STRETCH + 1]
            predicted, state = model(x, state)
            loss = loss_fn(predicted, y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            state = detach(state)
            total, steps = total + loss.item(), steps + 1
        print(f"epoch {epoch + 1}: mse {total / steps:.4f}")

    model.eval()
    with torch.no_grad():
        predicted, _ = model(test[:-1], None)
    error = loss_fn(predicted[10:], test[11:]).item()
    same = loss_fn(test[10:-1], test[11:]).item()
    print(f"next value: mse {error:.4f}, of the last value kept {same:.4f}")


if __name__ == "__main__":
    main()
