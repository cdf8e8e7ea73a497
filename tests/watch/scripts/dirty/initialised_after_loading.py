# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
pretrained = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2)).state_dict()
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
model.load_state_dict(pretrained)


def initialise(layer):
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)


model.apply(initialise)  # <- I105
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
x = torch.randn(64, 6)
for step in range(5):
    optimizer.zero_grad()
    F.cross_entropy(model(x), (x[:, 0] > 0).long()).backward()
    optimizer.step()
