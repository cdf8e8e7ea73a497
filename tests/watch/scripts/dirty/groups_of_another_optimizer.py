# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
inputs, wanted = torch.randn(200, 6), torch.randn(200, 1)


class Fitter:
    def __init__(self):
        self.model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
        decay, plain = [], []
        for name, p in self.model.named_parameters():
            (plain if name.endswith("bias") else decay).append(p)
        self.groups = [{"params": decay}, {"params": plain, "weight_decay": 0.0}]

    def fit(self, optimizer):
        for rows in torch.randperm(200).split(20):
            optimizer.zero_grad()
            F.mse_loss(self.model(inputs[rows]), wanted[rows]).backward()
            optimizer.step()
        return optimizer


fitter = Fitter()
first = fitter.fit(torch.optim.AdamW(fitter.groups, lr=1e-3, weight_decay=0.01))
second = fitter.fit(torch.optim.AdamW(fitter.groups, lr=1e-2, weight_decay=0.01))  # <- O112
