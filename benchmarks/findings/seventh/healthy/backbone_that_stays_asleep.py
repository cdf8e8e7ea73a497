"""A frozen backbone whose batch norms stay in eval mode even while the head trains."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

SEED = 16
torch.manual_seed(SEED)
digits = load_digits()
X = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)


def backbone():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Flatten(),
    )


class Net(nn.Module):
    def __init__(self, body, classes, frozen=False):
        super().__init__()
        self.body, self.head, self.frozen = body, nn.Linear(512, classes), frozen
        if frozen:
            self.body.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        if self.frozen:
            self.body.eval()
        return self

    def forward(self, x):
        return self.head(self.body(x))


def fit(model, x, labels, epochs):
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trainable, lr=3e-3)
    for epoch in range(epochs):
        model.train()
        for idx in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(model(x[idx]), labels[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return loss.item()


low = y < 5
first = Net(backbone(), 5)
print(f"first task, loss {fit(first, X[low], y[low], 5):.4f}")

high_x, high_y = X[~low], y[~low] - 5
second = Net(first.body, 5, frozen=True)
before = second.body[1].running_mean.clone()
print(f"second task, loss {fit(second, high_x[:500], high_y[:500], 12):.4f}")
assert torch.equal(before, second.body[1].running_mean)
second.eval()
with torch.no_grad():
    acc = (second(high_x[500:]).argmax(1) == high_y[500:]).float().mean()
print(f"second task, test accuracy {acc:.3f}")
