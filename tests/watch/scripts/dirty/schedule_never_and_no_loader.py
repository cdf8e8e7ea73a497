# ruff: noqa
import torch
from torch import nn

torch.manual_seed(0)
inputs = torch.randn(400, 4)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5)  # <- O109
for epoch in range(2):
    for rows in torch.randperm(400).split(8):
        optimizer.zero_grad()
        (model(inputs[rows]) - inputs[rows].sum(1, keepdim=True)).square().mean().backward()
        optimizer.step()
