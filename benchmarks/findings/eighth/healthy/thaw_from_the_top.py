"""Fine-tuning in two stages: first the head on a sleeping net, then all of it with small rates below."""

import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

SEED = int(os.environ.get("SEED", "0"))


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
        return torch.relu(self.bn2(self.conv2(x))).mean((2, 3))


class Net(nn.Module):
    def __init__(self, backbone, n_out):
        super().__init__()
        self.backbone, self.head = backbone, nn.Linear(32, n_out)

    def forward(self, x):
        return self.head(self.backbone(x))

    def train(self, mode=True):
        super().train(mode)
        if not any(p.requires_grad for p in self.backbone.parameters()):
            self.backbone.eval()
        return self


def fit(net, optimizer, x, y, epochs):
    for _ in range(epochs):
        net.train()
        for idx in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x[idx]), y[idx])
            loss.backward()
            optimizer.step()


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    return (net(x).argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(SEED)
    digits = load_digits()
    x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(digits.target)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    low, high = y < 5, y >= 5

    net = Net(Backbone(), 5)
    fit(net, torch.optim.Adam(net.parameters(), lr=2e-3), x[low][:600], y[low][:600], 12)
    print(f"source accuracy {accuracy(net, x[low][600:], y[low][600:]):.3f}")

    x_new, y_new = x[high], y[high] - 5
    net = Net(net.backbone, 5)
    net.backbone.requires_grad_(False)
    fit(net, torch.optim.Adam(net.head.parameters(), lr=1e-2), x_new[:300], y_new[:300], 10)
    print(f"head only {accuracy(net, x_new[300:], y_new[300:]):.3f}")

    net.backbone.requires_grad_(True)
    groups = [
        {"params": [*net.backbone.conv1.parameters(), *net.backbone.bn1.parameters()], "lr": 3e-4},
        {"params": [*net.backbone.conv2.parameters(), *net.backbone.bn2.parameters()], "lr": 1e-3},
        {"params": net.head.parameters(), "lr": 3e-3},
    ]
    fit(net, torch.optim.Adam(groups), x_new[:300], y_new[:300], 12)
    print(f"all thawed {accuracy(net, x_new[300:], y_new[300:]):.3f}")


if __name__ == "__main__":
    main()
