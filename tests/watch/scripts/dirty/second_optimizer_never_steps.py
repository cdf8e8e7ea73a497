# ruff: noqa
import torch
from torch import nn

torch.manual_seed(0)
inputs, wanted = torch.randn(96, 6), torch.randn(96, 1)
body = nn.Sequential(nn.Linear(6, 8), nn.Tanh())
head = nn.Linear(8, 1)
body_optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
head_optimizer = torch.optim.SGD(head.parameters(), lr=0.05)  # <- O101: was built and never steps
for step in range(8):
    body_optimizer.zero_grad()
    head_optimizer.zero_grad()
    nn.functional.mse_loss(head(body(inputs)), wanted).backward()
    body_optimizer.step()
