import copy
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
train_set = TensorDataset(x[:1400], y[:1400])
val_set = TensorDataset(x[1400:], y[1400:])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)
model = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
average = copy.deepcopy(model)
for parameter in average.parameters():
    parameter.requires_grad_(False)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


@torch.no_grad()
def follow(decay=0.95):
    for slow, fast in zip(average.state_dict().values(), model.state_dict().values()):
        if slow.dtype.is_floating_point:
            slow.mul_(decay).add_(fast, alpha=1 - decay)
        else:
            slow.copy_(fast)


for epoch in range(3):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        follow()
    average.eval()
    correct = 0
    with torch.no_grad():
        for xb, yb in val_loader:
            correct += (average(xb).argmax(1) == yb).sum().item()
    print(epoch, correct / len(val_set))
