import os

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
diabetes = load_diabetes()
order = np.random.default_rng(SEED).permutation(len(diabetes.data))
data, target = diabetes.data[order], diabetes.target[order]
mean, std = data[:350].mean(0), data[:350].std(0)
x = torch.tensor((data - mean) / std, dtype=torch.float32)
y = torch.tensor(
    (target - target[:350].mean()) / target[:350].std(), dtype=torch.float32
).unsqueeze(1)
train_loader = DataLoader(TensorDataset(x[:350], y[:350]), batch_size=25, shuffle=True)
val_loader = DataLoader(TensorDataset(x[350:], y[350:]), batch_size=92)
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(8):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        error = torch.cat([(model(xb) - yb) ** 2 for xb, yb in val_loader]).mean()
    print(epoch, error.item())
