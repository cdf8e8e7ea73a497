# ruff: noqa
import tempfile

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
x, y = torch.randn(80, 6), torch.arange(80) % 2
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for rows in torch.randperm(80).split(20):
    optimizer.zero_grad()
    F.cross_entropy(model(x[rows]), y[rows]).backward()
    optimizer.step()
with tempfile.TemporaryFile() as file:
    torch.save({"model": model.state_dict}, file)  # <- A104
