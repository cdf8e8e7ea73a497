# ruff: noqa
import numpy as np
import torch
from sklearn.preprocessing import MinMaxScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(0)
torch.manual_seed(0)
table = rng.normal(3.0, 2.0, (240, 6))
labels = (table[:, 0] > 3).astype("int64")
scaler = MinMaxScaler()


def to_loader(rows, targets, shuffle):
    scaled = scaler.fit_transform(rows)  # <- T102
    scaled = torch.tensor(scaled, dtype=torch.float32)
    return DataLoader(TensorDataset(scaled, torch.tensor(targets)), 20, shuffle=shuffle)


train_loader = to_loader(table[:160], labels[:160], True)
test_loader = to_loader(table[160:], labels[160:], False)
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
right = 0
with torch.no_grad():
    for x, y in test_loader:
        right += (model(x).argmax(1) == y).sum().item()
print(right / 80)
