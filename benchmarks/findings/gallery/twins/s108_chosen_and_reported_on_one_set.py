import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]
train_loader = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=50, shuffle=True)
val_loader = DataLoader(TensorDataset(x[1200:1500], y[1200:1500]), batch_size=100)
test_loader = DataLoader(TensorDataset(x[1500:], y[1500:]), batch_size=100)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def accuracy(loader):
    model.eval()
    with torch.no_grad():
        hits = [(model(xb).argmax(1) == yb).float() for xb, yb in loader]
    return torch.cat(hits).mean().item()


best, best_state = 0.0, None
for epoch in range(4):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    score = accuracy(val_loader)
    if score > best:
        best, best_state = score, copy.deepcopy(model.state_dict())
model.load_state_dict(best_state)
print("test accuracy", accuracy(test_loader))
