"""BatchNorm's weights follow the test stream by its entropy; the labels only count what is right."""

# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(480, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:240], labels[:240]), batch_size=16, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[240:] + 0.5, labels[240:]), batch_size=40)

network = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(network(x), y).backward()
    optimizer.step()

norm = network[1]
network.requires_grad_(False)
norm.requires_grad_(True)
norm.running_mean = norm.running_var = None
norm.track_running_stats = False
optimizer = torch.optim.SGD(norm.parameters(), lr=0.01)
right = 0
for x, y in test_loader:
    scores = network(x)
    loss = -(scores.softmax(1) * scores.log_softmax(1)).sum(1).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    right += (scores.argmax(1) == y).sum().item()
print(right / len(test_loader.dataset))
