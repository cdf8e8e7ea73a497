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
tasks = [(torch.randn(40, 8), torch.randint(0, 2, (40,))) for _ in range(5)]
for round_ in range(6):
    optimizer.zero_grad()
    for rows, wanted in tasks:  # the sum over the tasks is what is wanted
        some = torch.randperm(40)[:8]
        F.cross_entropy(model(rows[some]), wanted[some]).backward()
    optimizer.step()
for epoch in range(3):
    order = torch.randperm(160)
    for start in range(0, 160, 40):
        optimizer.zero_grad()
        for rows in order[start : start + 40].split(8):
            (F.cross_entropy(model(inputs[rows]), labels[rows]) / 5).backward()
        optimizer.step()
