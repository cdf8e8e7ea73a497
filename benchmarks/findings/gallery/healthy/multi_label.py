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
tags = torch.stack([(y % 2 == 0), (y > 4), (y % 3 == 0)], dim=1).float()
train_loader = DataLoader(TensorDataset(x[:1400], tags[:1400]), batch_size=50, shuffle=True)
val_loader = DataLoader(TensorDataset(x[1400:], tags[1400:]), batch_size=100)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    model.train()
    for xb, tb in train_loader:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(xb), tb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = torch.cat([((model(xb) > 0) == (tb > 0.5)).float() for xb, tb in val_loader])
    print(epoch, loss.item(), right.mean().item())
