# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import ReduceLROnPlateau

torch.manual_seed(0)
inputs = torch.randn(200, 6)
labels = (inputs[:, 0] > 0).long()
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
scheduler = ReduceLROnPlateau(optimizer, patience=2)  # <- O111
for epoch in range(4):
    for rows in torch.randperm(150).split(30):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs[rows]), labels[rows]).backward()
        optimizer.step()
    with torch.no_grad():
        val_acc = (model(inputs[150:]).argmax(1) == labels[150:]).float().mean()
    scheduler.step(val_acc)
