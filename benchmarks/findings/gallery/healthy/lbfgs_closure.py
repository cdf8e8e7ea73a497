import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]
train_set = TensorDataset(x[:1400], y[:1400])
val_set = TensorDataset(x[1400:], y[1400:])
model = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)
xb, yb = x[:1400], y[:1400]


def closure():
    optimizer.zero_grad()
    loss = F.cross_entropy(model(xb), yb)
    loss.backward()
    return loss


for step in range(8):
    loss = optimizer.step(closure)
    print(step, loss.item())
with torch.no_grad():
    print("accuracy", (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
