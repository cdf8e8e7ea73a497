# ruff: noqa
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(200, 8)
labels = (inputs[:, 0] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:120], labels[:120]), batch_size=20, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[120:], labels[120:]), batch_size=20)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)


def validate():
    model.eval()
    losses = [0.0]  # <- E101
    with torch.no_grad():
        for x, y in val_loader:
            losses.append(nn.functional.cross_entropy(model(x), y).item())
    print("validation loss", f"{sum(losses) / len(losses):.4f}")


for epoch in range(4):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    validate()
