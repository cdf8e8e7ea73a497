# ruff: noqa
# All rows are standardised, and only those that are trained on are ever looked at again, late in the
# training: the rest is not evaluated, so nothing leaks.
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(440, 6) * torch.tensor([1.0, 5.0, 0.2, 3.0, 1.0, 9.0]) + 2
x = (x - x.mean(0)) / x.std(0)
y = x[:, :1] - 0.5 * x[:, 1:2] + 0.1 * torch.randn(440, 1)
model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
loss_of = nn.MSELoss()
for epoch in range(60):
    for begin in range(0, 350, 35):
        optimizer.zero_grad()
        loss_of(model(x[begin : begin + 35]), y[begin : begin + 35]).backward()
        optimizer.step()
    if epoch % 20 == 19:
        with torch.no_grad():
            print(epoch, "on train", loss_of(model(x[:350]), y[:350]).item())
