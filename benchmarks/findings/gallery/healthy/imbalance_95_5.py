import os

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
x = torch.randn(2000, 10)
y = (x[:, 0] + 0.7 * x[:, 1] + 0.3 * torch.randn(2000) > 2.05).long()
train_set = TensorDataset(x[:1600], y[:1600])
val_set = TensorDataset(x[1600:], y[1600:])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)
model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 2))
weight = torch.tensor([1.0, 10.0])
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(5):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb, weight=weight)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        answers = torch.cat([model(xb).argmax(1) for xb, _ in val_loader])
    truth = y[1600:]
    recall = ((answers == 1) & (truth == 1)).sum() / (truth == 1).sum()
    print(epoch, loss.item(), "recall", recall.item())
