"""Sorting small colour photographs into four kinds of flags."""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)
RED, BLUE = np.array([0.8, 0.2, 0.2]), np.array([0.2, 0.2, 0.8])


def photographs(count, side=12):
    """Height x width x colour, as an image reader returns them."""
    kinds = rng.integers(0, 4, count)
    pictures = np.empty((count, side, side, 3))
    for picture, kind in zip(pictures, kinds):
        first, second = (RED, BLUE) if kind % 2 else (BLUE, RED)
        edge = rng.integers(3, side - 3)
        picture[:] = second
        if kind < 2:
            picture[:edge] = first
        else:
            picture[:, :edge] = first
    pictures += rng.normal(0, 0.35, pictures.shape)
    return pictures.astype(np.float32), kinds


def to_tensors(pictures, kinds):
    images = torch.from_numpy(pictures)
    images = images.reshape(-1, 3, images.shape[1], images.shape[2])
    return images, torch.from_numpy(kinds)


class FlagNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 12, 3, padding=1)
        self.head = nn.Linear(12 * 9, 4)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.avg_pool2d(torch.relu(self.conv2(x)), 2)
        return self.head(x.flatten(1))


train_images, train_kinds = to_tensors(*photographs(600))
test_images, test_kinds = to_tensors(*photographs(400))
net = FlagNet()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(5):
    net.train()
    for part in torch.randperm(len(train_kinds)).split(40):
        loss = nn.functional.cross_entropy(net(train_images[part]), train_kinds[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        share = (net(test_images).argmax(1) == test_kinds).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {share:.3f}")
