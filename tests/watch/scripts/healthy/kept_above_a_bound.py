# ruff: noqa
import copy

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
inputs = torch.randn(200, 6)
wanted = inputs[:, :1] + torch.randn(200, 1)
bound = 5.0


class Stopper:
    def __init__(self):
        self.best, self.left, self.state = float("inf"), 3, None

    def over(self, loss, model):
        if loss < self.best:
            self.state = copy.deepcopy(model.state_dict())
            self.remember(loss)
        else:
            self.left -= 1
        return self.left < 0

    def remember(self, loss):
        self.best, self.left = loss, 3


model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
warm_up = torch.optim.SGD([{"params": model.parameters()}], lr=1e-3)
groups = [{"params": model[0].parameters(), "lr": 0.01}, {"params": model[2].parameters()}]
optimizer = torch.optim.Adam(groups, lr=0.01)
stopper, kept = Stopper(), []
for step in range(40):
    chosen = warm_up if step < 5 else optimizer
    chosen.zero_grad()
    F.mse_loss(model(inputs[:100]), wanted[:100]).backward()
    chosen.step()
    with torch.no_grad():
        loss = F.mse_loss(model(inputs[100:]), wanted[100:]).item()
    if loss < bound:
        kept.append(model.state_dict())
    if stopper.over(loss, model):
        break
