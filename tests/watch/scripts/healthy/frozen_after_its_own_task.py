# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
others = (inputs[:, 2] > 0).long()
first = DataLoader(TensorDataset(inputs, labels), batch_size=16, shuffle=True)
second = DataLoader(TensorDataset(inputs, others), batch_size=16, shuffle=True)

backbone = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU())
head = nn.Linear(16, 2)
optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.1)
for epoch in range(2):
    backbone.train()
    for x, y in first:
        optimizer.zero_grad()
        F.cross_entropy(head(backbone(x)), y).backward()
        optimizer.step()

backbone.requires_grad_(False)
model = nn.Sequential(backbone, nn.Linear(16, 2))
optimizer = torch.optim.SGD(model[1].parameters(), lr=0.1)
for epoch in range(2):
    model.train()
    backbone.eval()
    for x, y in second:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
