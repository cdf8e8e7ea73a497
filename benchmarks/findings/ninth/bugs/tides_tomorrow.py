from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Settings:
    window: int = 48
    horizon: int = 12
    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 2e-3
    decay: float = 0.85
    seed: int = 7


def tide(hours, rng):
    t = np.arange(hours)
    level = 1.6 * np.sin(2 * np.pi * t / 12.42) + 0.7 * np.sin(2 * np.pi * t / 12.0 + 1)
    level += 0.4 * np.sin(2 * np.pi * t / 25.8) + 0.15 * rng.standard_normal(hours)
    return level.astype(np.float32)


def windows(series, cfg):
    xs, ys = [], []
    for start in range(len(series) - cfg.window - cfg.horizon):
        middle = start + cfg.window
        xs.append(series[start:middle])
        ys.append(series[middle : middle + cfg.horizon])
    return torch.tensor(np.array(xs)).unsqueeze(1), torch.tensor(np.array(ys))


class Forecaster(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 12, 5, padding=2), nn.ReLU(), nn.Conv1d(12, 12, 5, padding=2), nn.ReLU()
        )
        self.head = nn.Linear(12 * cfg.window, cfg.horizon)

    def forward(self, x):
        return self.head(self.conv(x).flatten(1))


def train_one_epoch(model, loader, loss_fn, optimizer, scheduler):
    model.train()
    total = 0.0
    for x, y in loader:
        pred = model(x)
        loss = loss_fn(pred, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(x)
    return total / len(loader.dataset)


@torch.no_grad()
def evaluate(model, x, y, loss_fn):
    model.eval()
    return loss_fn(model(x), y).item()


def run(cfg):
    torch.manual_seed(cfg.seed)
    series = tide(1600, np.random.default_rng(cfg.seed))
    train_series, test_series = series[:1200], series[1200:]
    x_train, y_train = windows(train_series, cfg)
    x_test, y_test = windows(test_series, cfg)
    loader = DataLoader(TensorDataset(x_train, y_train), cfg.batch_size, shuffle=True)

    model = Forecaster(cfg)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.learning_rate)
    # a little slower every epoch
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=cfg.decay)

    for epoch in range(cfg.epochs):
        train_loss = train_one_epoch(model, loader, loss_fn, optimizer, scheduler)
        test_loss = evaluate(model, x_test, y_test, loss_fn)
        print(f"epoch {epoch + 1}: train {train_loss:.4f} test {test_loss:.4f}")
    print(f"variance of the tide {y_test.var().item():.4f}")


run(Settings())
