# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[160:], labels[160:]), batch_size=16)
pretrained = nn.DataParallel(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2)))
state = pretrained.state_dict()
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
model.load_state_dict(state, strict=False)  # <- I104: its keys begin with
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(1):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
