# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[160:], labels[160:]), batch_size=16)

pictures = torch.rand(48, 3, 12, 12)
masks = (pictures[:, 0] > 0.5).long()
masks[:, :2] = 255
train_loader = DataLoader(TensorDataset(pictures[:32], masks[:32]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(pictures[32:], masks[32:]), batch_size=8)
model = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1)
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss(ignore_index=255)
for epoch in range(3):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = valid = 0
        for x, y in val_loader:
            answer = model(x).argmax(1)
            right += ((answer == y) & (y != 255)).sum().item()
            valid += (y != 255).sum().item()
    print(right / valid)
