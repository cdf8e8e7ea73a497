"""Gradient accumulation, with the last, shorter group weighed by its own length."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

SEED = 12
torch.manual_seed(SEED)
ACCUMULATE = 4
digits = load_digits()
X = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(X[:1300], y[:1300]), batch_size=16, shuffle=True, drop_last=True)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.GroupNorm(4, 16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(256, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
left_over = len(loader) % ACCUMULATE

for epoch in range(10):
    model.train()
    optimizer.zero_grad()
    for i, (xb, yb) in enumerate(loader):
        in_last_group = i >= len(loader) - left_over
        group = left_over if in_last_group else ACCUMULATE
        (F.cross_entropy(model(xb), yb) / group).backward()
        if (i + 1) % ACCUMULATE == 0 or i + 1 == len(loader):
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        acc = (model(X[1300:]).argmax(1) == y[1300:]).float().mean()
    print(f"epoch {epoch} test accuracy {acc:.3f}")
