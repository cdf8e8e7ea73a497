# ruff: noqa
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(251, 8)
labels = (inputs[:, 0] + 0.7 * torch.randn(251) > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:120], labels[:120]), batch_size=20, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[120:], labels[120:]), batch_size=37)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)


def evaluate(loader):
    model.eval()
    with torch.no_grad():
        for x, y in loader:
            answers = model(x).argmax(dim=1)  # <- E101
    return (answers == y).float().mean().item()


for epoch in range(3):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    print(f"accuracy {evaluate(val_loader):.4f}")
