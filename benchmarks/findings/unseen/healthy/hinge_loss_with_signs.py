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

# Labels of -1 and 1, one output without an activation, and a threshold at 0.
sign = torch.where(y % 2 == 0, 1.0, -1.0)
model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 1), nn.Flatten(0))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
for epoch in range(8):
    for xb, yb in DataLoader(TensorDataset(x[:1400], sign[:1400]), batch_size=50, shuffle=True):
        loss = F.relu(1 - yb * model(xb)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print("accuracy", (model(x[1400:]).sign() == sign[1400:]).float().mean().item())
