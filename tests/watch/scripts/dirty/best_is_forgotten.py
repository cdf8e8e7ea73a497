# ruff: noqa
import copy

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
inputs = torch.randn(200, 6)
wanted = inputs[:, :1] + torch.randn(200, 1)


def fit(model, epochs):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    best_loss = float("inf")
    for epoch in range(epochs):
        optimizer.zero_grad()
        F.mse_loss(model(inputs[:100]), wanted[:100]).backward()
        optimizer.step()
        with torch.no_grad():
            loss = F.mse_loss(model(inputs[100:]), wanted[100:]).item()
        if loss < best_loss:  # <- E108
            state = copy.deepcopy(model.state_dict())
    model.load_state_dict(state)


fit(nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1)), 12)
