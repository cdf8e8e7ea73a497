import os
from dataclasses import dataclass, field

import torch
import torch.nn as nn


@dataclass
class Config:
    streams: int = 12
    chunk: int = 25
    length: int = 1500
    hidden: int = 24
    epochs: int = 6
    lr: float = 0.01
    seed: int = field(default_factory=lambda: int(os.environ.get("SEED", "0")))


def pressure(cfg):
    """Pressure of many pumps as (time, pump): a slow level that jumps, a swing and noise."""
    t = torch.arange(cfg.length).unsqueeze(1)
    phase = torch.rand(1, cfg.streams) * 6.28
    jumps = (torch.rand(cfg.length, cfg.streams) < 0.01) * torch.randn(cfg.length, cfg.streams)
    level = torch.zeros(cfg.streams)
    levels = []
    for jump in jumps:
        level = 0.995 * level + jump
        levels.append(level)
    series = torch.stack(levels) + torch.sin(t / 4 + phase)
    return series + 0.1 * torch.randn_like(series)


class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x, state):
        out, state = self.lstm(x, state)
        return x + self.head(out), state


def pieces(series, cfg):
    for start in range(0, len(series) - cfg.chunk, cfg.chunk):
        now = series[start : start + cfg.chunk]
        later = series[start + 1 : start + cfg.chunk + 1]
        yield now.unsqueeze(-1), later.unsqueeze(-1)


def main():
    cfg = Config()
    torch.manual_seed(cfg.seed)
    series = pressure(cfg)
    past, future = series[:1200], series[1200:]
    net = Net(cfg.hidden)
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr)
    loss_fn = nn.MSELoss()
    for epoch in range(cfg.epochs):
        state, total, n = None, 0.0, 0
        for now, later in pieces(past, cfg):
            predicted, state = net(now, state)
            state = tuple(s.detach() for s in state)
            loss = loss_fn(predicted, later)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, n = total + loss.item(), n + 1
        print(f"epoch {epoch + 1} mse {total / n:.4f}")

    with torch.no_grad():
        errors, same = [], []
        for now, later in pieces(future, cfg):
            predicted, state = net(now, state)
            errors.append(loss_fn(predicted, later))
            same.append(loss_fn(now, later))
    print(f"test mse {torch.stack(errors).mean():.4f}, of no change {torch.stack(same).mean():.4f}")


if __name__ == "__main__":
    main()
