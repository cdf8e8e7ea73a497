import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]

# Two heads with learned weights: the loss may fall below zero, the two scales are bare parameters.


class TwoTasks(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.digit = nn.Linear(64, 10)
        self.ink = nn.Linear(64, 1)
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = self.body(x)
        return self.digit(h), self.ink(h).squeeze(1)


ink = (x.mean(1) - x[:1400].mean(1).mean()) / x[:1400].mean(1).std()
model = TwoTasks()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loader = DataLoader(TensorDataset(x[:1400], y[:1400], ink[:1400]), batch_size=50, shuffle=True)
for epoch in range(8):
    for xb, yb, ib in loader:
        digit, amount = model(xb)
        losses = torch.stack([F.cross_entropy(digit, yb), F.mse_loss(amount, ib)])
        loss = (losses * torch.exp(-model.log_var) + model.log_var).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")
with torch.no_grad():
    digit, amount = model(x[1400:])
print("accuracy", (digit.argmax(1) == y[1400:]).float().mean().item())
print("error", F.mse_loss(amount, ink[1400:]).item())
