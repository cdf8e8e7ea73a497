# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
inputs, wanted = torch.randn(200, 6), torch.randn(200, 3)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Parameter(torch.zeros(8, 6))
        self.second = nn.Parameter(torch.zeros(3, 8))
        for weight in (self.first, self.second):
            nn.init.normal_(weight.clone(), std=0.3)  # <- M108

    def forward(self, x):
        return torch.relu(x @ self.first.T) @ self.second.T


model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for rows in torch.randperm(200).repeat(4).split(20):
    optimizer.zero_grad()
    F.mse_loss(model(inputs[rows]), wanted[rows]).backward()
    optimizer.step()
