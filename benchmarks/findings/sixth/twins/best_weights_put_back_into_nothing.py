"""Noisy diagnoses: the net soon learns the noise by heart, so the best epoch is kept in a file."""

import os
import tempfile

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(33)
BEST = os.path.join(tempfile.mkdtemp(), "best.pt")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 2))

    def forward(self, x):
        return self.layers(x)


def patients(count, wrong):
    x = torch.randn(count, 20)
    y = (x[:, :4].sum(1) > 0).long()
    return x, torch.where(torch.rand(count) < wrong, 1 - y, y)


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def restore(model, path):
    model.load_state_dict(torch.load(path))
    model.eval()


train = TensorDataset(*patients(400, wrong=0.25))
valid = patients(400, wrong=0.0)
test = patients(2000, wrong=0.0)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
best = 0.0
for epoch in range(60):
    model.train()
    for x, y in DataLoader(train, batch_size=30, shuffle=True):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    score = accuracy(model, *valid)
    if score > best:
        best = score
        torch.save(model.state_dict(), BEST)
        print(f"epoch {epoch}: validation accuracy {score:.3f}, kept")

restore(model, BEST)
print(f"test accuracy {accuracy(model, *test):.3f}")
