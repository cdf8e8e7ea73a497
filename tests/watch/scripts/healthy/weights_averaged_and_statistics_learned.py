# ruff: noqa
"""An average of the weights whose statistics are learned anew; a figure is computed with its graph."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = 3 + 2 * torch.randn(200, 6)
wanted = inputs.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(inputs, wanted), batch_size=20, shuffle=True)
model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
average = AveragedModel(model)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    for x, y in loader:
        prediction = model(x)
        mae = (prediction - y).abs().mean()
        loss = nn.functional.mse_loss(prediction, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    average.update_parameters(model)
    print(mae.item())
update_bn(loader, average)
average.eval()
with torch.no_grad():
    print(nn.functional.mse_loss(average(inputs), wanted).item())
