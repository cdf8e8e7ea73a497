"""Stochastic weight averaging, fresh batch-norm statistics, and test-time augmentation."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

SEED = 17
torch.manual_seed(SEED)
digits = load_digits()
X = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(X[:1300], y[:1300]), batch_size=64, shuffle=True)
test_x, test_y = X[1300:], y[1300:]


def shift(x, dy, dx):
    return torch.roll(x, (dy, dx), dims=(2, 3))


model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(256, 10),
)
swa_model = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12)
swa_scheduler = SWALR(optimizer, swa_lr=0.05, anneal_epochs=2)

for epoch in range(12):
    model.train()
    for xb, yb in loader:
        dy, dx = torch.randint(-1, 2, (2,)).tolist()
        loss = F.cross_entropy(model(shift(xb, dy, dx)), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch >= 7:
        swa_model.update_parameters(model)
        swa_scheduler.step()
    else:
        scheduler.step()

# the averaged weights have never seen data: their statistics are gathered anew
update_bn(loader, swa_model)
model.eval()
swa_model.eval()
with torch.no_grad():
    last = (model(test_x).argmax(1) == test_y).float().mean()
    averaged = (swa_model(test_x).argmax(1) == test_y).float().mean()
    views = [swa_model(shift(test_x, dy, 0)).softmax(1) for dy in (-1, 0, 0, 1)]
    augmented = (torch.stack(views).mean(0).argmax(1) == test_y).float().mean()
print(f"last {last:.3f} averaged {averaged:.3f} averaged over four views {augmented:.3f}")
