import copy
import math
import os

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))


class Shadow:
    """A slow copy of the weights; it is the one that is tested in the end."""

    def __init__(self, model, decay=0.97):
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def follow(self, model):
        for slow, fast in zip(self.model.parameters(), model.parameters()):
            slow.lerp_(fast, 1 - self.decay)
        for slow, fast in zip(self.model.buffers(), model.buffers()):
            slow.copy_(fast)


def spirals(n, rng):
    label = rng.integers(0, 2, n)
    turn = rng.uniform(0.5, 3.0, n)
    angle = 2 * turn + np.pi * label
    points = np.stack([turn * np.cos(angle), turn * np.sin(angle)], axis=1)
    points += rng.normal(0, 0.08, points.shape)
    return torch.tensor(points, dtype=torch.float32), torch.tensor(label, dtype=torch.float32)


def accuracy(model, x, y):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        right = ((model(x).squeeze(1) > 0).float() == y).float().mean().item()
    model.train(was_training)
    return right


def main(epochs=25, batch_size=50):
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    train, test = spirals(1000, rng), spirals(500, rng)
    loader = DataLoader(TensorDataset(*train), batch_size=batch_size, shuffle=True)

    model = nn.Sequential(
        nn.Linear(2, 64),
        nn.BatchNorm1d(64),
        nn.ReLU(),
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Linear(64, 1),
    )
    shadow = Shadow(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-3)
    steps, warm = epochs * len(loader), 20
    schedule = LambdaLR(
        optimizer,
        lambda s: min(1.0, (s + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(s, steps) / steps)),
    )
    criterion = nn.BCEWithLogitsLoss()

    model.train()
    for epoch in range(epochs):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(model(x).squeeze(1), y)
            loss.backward()
            optimizer.step()
            schedule.step()
            shadow.follow(model)
            total += loss.item()
        if epoch % 5 == 4:
            print(
                f"epoch {epoch + 1}: loss {total / len(loader):.4f} "
                f"model {accuracy(model, *test):.3f} shadow {accuracy(shadow.model, *test):.3f}"
            )


if __name__ == "__main__":
    main()
