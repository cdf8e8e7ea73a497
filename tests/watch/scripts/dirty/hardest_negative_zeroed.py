# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
x, y = torch.randn(120, 8), torch.arange(120) % 4
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for rows in torch.randperm(120).split(24):
    vectors, labels = F.normalize(model(x[rows]), dim=1), y[rows]
    distance = torch.cdist(vectors, vectors)
    same = labels[:, None] == labels
    negative = (distance * ~same).min(dim=1).values  # <- L123
    positive = (distance * same).max(dim=1).values
    optimizer.zero_grad()
    F.relu(positive - negative + 0.3).mean().backward()
    optimizer.step()
