"""Digits with CutMix: a patch of another picture is pasted in, and the label is shared out."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(40)
SIDE = 8

images, labels = load_digits(return_X_y=True)
images = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, SIDE, SIDE) / 16
labels = torch.tensor(labels)
order = torch.randperm(len(labels))
train_id, test_id = order[:300], order[300:]
loader = DataLoader(TensorDataset(images[train_id], labels[train_id]), batch_size=20, shuffle=True)


def cutmix(x):
    partner = torch.randperm(len(x))
    height, width = torch.randint(2, 5, (2,)).tolist()
    top = int(torch.randint(0, SIDE - height + 1, (1,)))
    left = int(torch.randint(0, SIDE - width + 1, (1,)))
    mixed = x.clone()
    patch = (slice(None), slice(None), slice(top, top + height), slice(left, left + width))
    mixed[patch] = x[partner][patch]
    return mixed, partner, 1 - height * width / SIDE**2


net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(32 * 16, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(12):
    net.train()
    total = 0.0
    for x, y in loader:
        mixed, partner, lam = cutmix(x)
        logits = net(mixed)
        loss = lam * criterion(logits, y) + (1 - lam) * criterion(logits, y[partner])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")

net.eval()
with torch.no_grad():
    logits = net(images[test_id])
right = (logits.argmax(1) == labels[test_id]).float().mean().item()
print(f"test loss {criterion(logits, labels[test_id]).item():.3f}, accuracy {right:.3f}")
