import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import precision_score, recall_score, roc_auc_score
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

SEED = int(os.environ.get("SEED", "0"))


class Standardised(nn.Module):
    """Takes raw readings; what it learned about their scale travels with the weights."""

    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        return (x - self.mean) / self.std


def readings(n, rng):
    alarm = rng.random(n) < 0.04
    temperature = rng.normal(70, 8, n) + 14 * alarm
    pressure = rng.normal(3000, 250, n) - 300 * alarm
    vibration = np.exp(rng.normal(0, 0.4, n) + 0.5 * alarm)
    x = np.stack([temperature, pressure, vibration], axis=1)
    return torch.tensor(x).float(), torch.tensor(alarm).float()


class Trainer:
    def __init__(self, model, lr=0.01):
        self.model = model
        self.loss = nn.BCEWithLogitsLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def fit(self, x, y, epochs=6):
        weights = torch.where(y == 1, (y == 0).sum() / (y == 1).sum(), torch.tensor(1.0))
        sampler = WeightedRandomSampler(weights.tolist(), num_samples=len(y), replacement=True)
        loader = DataLoader(TensorDataset(x, y), batch_size=64, sampler=sampler)
        for epoch in range(epochs):
            self.model.train()
            losses = []
            for features, target in loader:
                loss = self.loss(self.model(features).squeeze(1), target)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                losses.append(loss.item())
            print(f"epoch {epoch + 1} loss {np.mean(losses):.4f}")

    @torch.no_grad()
    def logits(self, x):
        self.model.eval()
        return self.model(x).squeeze(1)


def main():
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    x, y = readings(3000, rng)
    x_test, y_test = readings(2000, rng)
    model = nn.Sequential(
        Standardised(x.mean(dim=0), x.std(dim=0)), nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1)
    )
    trainer = Trainer(model)
    trainer.fit(x, y)
    logits = trainer.logits(x_test)
    # a missed alarm is worse than a false one
    called = logits > -0.5
    print(f"area under the curve {roc_auc_score(y_test, logits):.3f}")
    print(f"recall {recall_score(y_test, called):.3f} precision {precision_score(y_test, called):.3f}")


if __name__ == "__main__":
    main()
