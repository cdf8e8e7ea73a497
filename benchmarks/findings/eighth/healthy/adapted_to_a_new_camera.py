"""Domain adaptation by statistics: batch norm is measured anew on pictures of the new camera, without labels."""

import copy
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", "0")))


def build():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


def new_camera(images):
    return 0.4 * images + 0.5 + 0.03 * torch.randn(images.shape)


@torch.no_grad()
def accuracy(net, images, targets):
    net.eval()
    return (net(images).argmax(1) == targets).float().mean().item()


@torch.no_grad()
def measure_again(net, images):
    """Only the running statistics change; the weights stay."""
    adapted = copy.deepcopy(net)
    for module in adapted.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    adapted.train()
    for batch in images.split(100):
        adapted(batch)
    return adapted.eval()


digits = load_digits()
images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
targets = torch.tensor(digits.target)
order = torch.randperm(len(targets))
train, unlabeled, test = order[:900], order[900:1300], order[1300:]

net = build()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(12):
    net.train()
    for idx in train[torch.randperm(len(train))].split(45):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images[idx]), targets[idx])
        loss.backward()
        optimizer.step()
    if epoch % 4 == 3:
        print(
            f"epoch {epoch + 1:2d} loss {loss.item():.3f} accuracy {accuracy(net, images[test], targets[test]):.3f}"
        )

foreign = new_camera(images)
adapted = measure_again(net, foreign[unlabeled])
print(f"new camera before {accuracy(net, foreign[test], targets[test]):.3f}")
print(f"new camera after  {accuracy(adapted, foreign[test], targets[test]):.3f}")
