# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)


def seed_all(seed):
    torch.manual_seed(seed)


def score():
    seed_all(1)  # <- R109
    model.eval()
    with torch.no_grad():
        noisy = inputs[160:] + 0.1 * torch.randn(80, 8)
        right = (model(noisy).argmax(1) == labels[160:]).sum().item()
    model.train()
    return right / 80


seed_all(0)
for epoch in range(6):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    print(epoch, score())
