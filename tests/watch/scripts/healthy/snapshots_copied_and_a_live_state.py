# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)

import copy

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
slow = copy.deepcopy(model)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
live, snapshots = model.state_dict(), []
for epoch in range(4):
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss = loss + F.mse_loss(model(x), slow(x).detach())
        loss.backward()
        optimizer.step()
    slow.load_state_dict(live)  # shares its memory with the model, so it is the newest each time
    snapshots.append(copy.deepcopy(model.state_dict()))
    for group in optimizer.param_groups:
        group["lr"] *= 0.5
for state in snapshots:
    slow.load_state_dict(state)
    print((slow(inputs[160:]).argmax(1) == labels[160:]).float().mean())
