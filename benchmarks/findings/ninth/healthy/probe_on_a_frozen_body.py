"""Linear probe: the body stays as it was pretrained, its batch norms too; just the head learns."""

import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Probed(nn.Module):
    def __init__(self, body, width, classes):
        super().__init__()
        self.body = body
        self.head = nn.Linear(width, classes)
        for p in self.body.parameters():
            p.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x):
        with torch.no_grad():
            features = self.body(x)
        return self.head(features)


def make_body():
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


def fit(model, params, loader, epochs, lr):
    optimizer = torch.optim.Adam(params, lr=lr)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"  epoch {epoch} loss {total / len(loader):.3f}")


def main():
    torch.manual_seed(int(os.environ.get("SEED", 0)))
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    y = torch.tensor(digits.target)
    low, high = y < 5, y >= 5

    body = make_body()
    first = nn.Sequential(body, nn.Linear(512, 5))
    print("pretraining on 0 to 4")
    fit(
        first,
        first.parameters(),
        DataLoader(TensorDataset(x[low], y[low]), 64, shuffle=True),
        4,
        2e-3,
    )

    x, y = x[high], y[high] - 5
    cut = 600
    probed = Probed(body, 512, 5)
    print("probe on 5 to 9")
    loader = DataLoader(TensorDataset(x[:cut], y[:cut]), 64, shuffle=True)
    fit(probed, probed.head.parameters(), loader, 8, 3e-3)

    probed.eval()
    with torch.no_grad():
        accuracy = (probed(x[cut:]).argmax(1) == y[cut:]).float().mean().item()
    print(f"accuracy of the probe {accuracy:.3f}")


if __name__ == "__main__":
    main()
