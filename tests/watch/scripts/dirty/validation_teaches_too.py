"""The validation batches are dictionaries, and the network computes its loss of them itself."""

# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).float()
rows = [{"inputs": x, "labels": y} for x, y in zip(inputs, labels)]
train_loader = DataLoader(rows[:160], batch_size=16, shuffle=True)
val_loader = DataLoader(rows[160:], batch_size=16, shuffle=True)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))

    def forward(self, inputs, labels):
        scores = self.layers(inputs * 0.5)
        return F.cross_entropy(scores, labels.long()), scores


network = Network()
optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
for loader in (train_loader, val_loader):
    for batch in loader:
        optimizer.zero_grad()
        loss, _ = network(**batch)
        loss.backward()
        optimizer.step()  # <- R105: says nothing about new data
