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
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
for epoch in range(3):
    order = torch.randperm(160)
    for start in range(0, 160, 40):
        optimizer.zero_grad()
        for rows in order[start : start + 40].split(8):
            loss = F.cross_entropy(model(inputs[rows]), labels[rows])
            loss.backward()  # <- R106
        optimizer.step()
