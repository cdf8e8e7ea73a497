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
train_loader = DataLoader(TensorDataset(x[:1400]), batch_size=50, shuffle=True)
val_loader = DataLoader(TensorDataset(x[1400:]), batch_size=100)
model = nn.Sequential(
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 8),
    nn.Linear(8, 32),
    nn.ReLU(),
    nn.Linear(32, 64),
    nn.Sigmoid(),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    model.train()
    for (xb,) in train_loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(xb), xb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        errors = [F.mse_loss(model(xb), xb).item() for (xb,) in val_loader]
    print(epoch, loss.item(), sum(errors) / len(errors))
