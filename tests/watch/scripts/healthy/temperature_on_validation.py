"""After training, the validation data fit a temperature, then a network that weighs two others."""

# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(480, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:240], labels[:240]), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[240:360], labels[240:360]), batch_size=16)
test_loader = DataLoader(TensorDataset(inputs[360:], labels[360:]), batch_size=16)

networks = [nn.Sequential(nn.Linear(8, n), nn.ReLU(), nn.Linear(n, 2)) for n in (8, 32)]
for network in networks:
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(network(x), y).backward()
        optimizer.step()
    network.eval()

temperature = nn.Parameter(torch.tensor(1.5))
optimizer = torch.optim.SGD([temperature], lr=0.05)
for x, y in val_loader:
    with torch.no_grad():
        scores = networks[0](x)
    optimizer.zero_grad()
    F.cross_entropy(scores / temperature, y).backward()
    optimizer.step()

mixing = nn.Linear(4, 2)
optimizer = torch.optim.Adam(mixing.parameters(), lr=0.05)
for x, y in val_loader:
    with torch.no_grad():
        answers = torch.cat([network(x).softmax(1) for network in networks], 1)
    optimizer.zero_grad()
    F.cross_entropy(mixing(answers), y).backward()
    optimizer.step()

right = 0
with torch.no_grad():
    for x, y in test_loader:
        answers = torch.cat([network(x).softmax(1) for network in networks], 1)
        right += (mixing(answers).argmax(1) == y).sum().item()
print(right / len(test_loader.dataset))
