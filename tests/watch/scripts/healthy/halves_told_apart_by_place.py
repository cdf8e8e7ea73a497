# ruff: noqa
# Two domains in the halves of each batch: what tells them apart is no leak, it is what is asked.
import torch
from torch import nn

torch.manual_seed(0)
one = torch.randn(400, 12)
two = 0.7 * torch.randn(400, 12) + 0.5
one[:, 0], two[:, 0] = 0.0, 0.5
model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
where = torch.cat([torch.zeros(20), torch.ones(20)]).long()
for epoch in range(4):
    for a, b in zip(torch.randperm(400).split(20), torch.randperm(400).split(20)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.cat([one[a], two[b]])), where).backward()
        optimizer.step()
