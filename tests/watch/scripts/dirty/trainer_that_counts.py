# ruff: noqa
# A trainer that counts its batches, and so never hears that a loader has no more; the module
# asks it to leave the mode alone at validation.
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.4), nn.Linear(32, 3))

    def forward(self, x):
        return self.net(x)

    def on_validation(self):
        pass

    def validation_step(self, batch):
        x, y = batch
        scores = self(x)  # <- R103
        return (scores.argmax(1) == y).float().mean()


def fit(module, train, val):
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    for _ in range(3):
        walk, left = iter(train), len(train)
        while left:
            x, y = next(walk)
            left -= 1
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x), y).backward()
            optimizer.step()
        module.on_validation()
        walk, left = iter(val), len(val)
        with torch.inference_mode():
            while left:
                module.validation_step(next(walk))
                left -= 1


x = torch.randn(240, 8)
y = x[:, :3].argmax(1)
train = DataLoader(TensorDataset(x[:180], y[:180]), batch_size=20, shuffle=True)
val = DataLoader(TensorDataset(x[180:], y[180:]), batch_size=20)
fit(Module(), train, val)
