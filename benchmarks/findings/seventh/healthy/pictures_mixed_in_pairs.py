"""Mixup: the inputs are blended and the loss is blended with them."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

SEED = 5
torch.manual_seed(SEED)
np.random.seed(SEED)
digits = load_digits()
X = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
train = DataLoader(TensorDataset(X[:1300], y[:1300]), batch_size=64, shuffle=True)
test_x, test_y = X[1300:], y[1300:]

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(256, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)


def mixup_criterion(pred, y_a, y_b, lam):
    return lam * F.cross_entropy(pred, y_a) + (1 - lam) * F.cross_entropy(pred, y_b)


for epoch in range(10):
    model.train()
    correct, total = 0.0, 0
    for inputs, targets in train:
        lam = np.random.beta(0.4, 0.4)
        index = torch.randperm(len(inputs))
        outputs = model(lam * inputs + (1 - lam) * inputs[index])
        loss = mixup_criterion(outputs, targets, targets[index], lam)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        predicted = outputs.argmax(1)
        # a blended picture counts for both of its labels
        correct += lam * (predicted == targets).sum().item()
        correct += (1 - lam) * (predicted == targets[index]).sum().item()
        total += len(targets)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        acc = (model(test_x).argmax(1) == test_y).float().mean()
    print(f"epoch {epoch} blended train accuracy {correct / total:.3f} test accuracy {acc:.3f}")
