# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss(reduction="none")
importance = torch.where(labels == 1, 3.0, 1.0)
parts = torch.tensor([0.7, 0.2, 0.1, 0.05])
for epoch in range(2):
    for rows in torch.randperm(160).split(16):
        losses = criterion(model(inputs[rows]), labels[rows]) * importance[rows]
        loss = losses.mean() + (model[0].weight.abs().mean() * parts).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
