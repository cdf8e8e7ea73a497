from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    hours: int = 2000
    window: int = 24
    ahead: int = 3
    hidden: int = 32
    batch_size: int = 64
    epochs: int = 12
    lr: float = 1e-2
    seed: int = 5


def gauge(cfg):
    """Hourly water level in metres: two tides of nearly twelve hours, a daily one and some wind."""
    rng = np.random.default_rng(cfg.seed)
    t = np.arange(cfg.hours)
    level = 1.6 * np.sin(2 * np.pi * t / 12.42) + 0.6 * np.sin(2 * np.pi * t / 12.0 + 0.7)
    level += 0.3 * np.sin(2 * np.pi * t / 24.0 + 2.0)
    return (level + rng.normal(0, 0.05, cfg.hours)).astype(np.float32)


def make_windows(series, cfg):
    xs, ys = [], []
    for i in range(len(series) - cfg.window - cfg.ahead + 1):
        xs.append(series[i : i + cfg.window])
        ys.append(series[i + cfg.window + cfg.ahead - 1])
    x = torch.tensor(np.array(xs)).unsqueeze(-1)
    y = torch.tensor(np.array(ys)).unsqueeze(-1)
    return TensorDataset(x, y)


class TideLSTM(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstm = nn.LSTM(input_size=1, hidden_size=hidden)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1, :])


def train(cfg):
    torch.manual_seed(cfg.seed)
    series = gauge(cfg)
    cut = int(0.8 * len(series))
    mean, std = series[:cut].mean(), series[:cut].std()
    scaled = (series - mean) / std
    train_set = make_windows(scaled[:cut], cfg)
    test_set = make_windows(scaled[cut:], cfg)
    loader = DataLoader(train_set, batch_size=cfg.batch_size, shuffle=True)

    model = TideLSTM(cfg.hidden)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    loss_fn = nn.MSELoss()
    for epoch in range(1, cfg.epochs + 1):
        model.train()
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        if epoch % 3 == 0:
            print(f"epoch {epoch:2d} mse {total / len(train_set):.4f}")

    model.eval()
    errors = []
    with torch.no_grad():
        for x, y in DataLoader(test_set, batch_size=cfg.batch_size):
            errors.append((model(x) - y).abs() * std)
    print(f"error three hours ahead: {torch.cat(errors).mean().item() * 100:.1f} cm")


if __name__ == "__main__":
    train(Config())
