"""What is called validation is the training set once more, while the test set is another."""

# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(300, 16)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:200], labels[:200]), batch_size=20, shuffle=True)
val_set = TensorDataset(inputs[:200], labels[:200])  # <- S101: are also in train
val_loader = DataLoader(val_set, batch_size=50)
test_loader = DataLoader(TensorDataset(inputs[200:], labels[200:]), batch_size=50)
model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)


def evaluate(loader):
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return right / len(loader.dataset)


for epoch in range(2):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    print(evaluate(val_loader))
print(evaluate(test_loader))
