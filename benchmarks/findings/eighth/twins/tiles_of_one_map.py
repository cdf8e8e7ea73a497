"""Samples are cut from one large map with a stride, then split at random into training and validation."""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Subset, TensorDataset

torch.manual_seed(10)


def smooth_noise(rows, cols, coarse):
    grid = torch.randn(1, 1, rows // coarse + 2, cols // coarse + 2)
    return nn.functional.interpolate(grid, size=(rows, cols), mode="bicubic", align_corners=True)[
        0, 0
    ]


def draw_map(rows, cols):
    """Two channels seen from the air and the forest that is to be found in them."""
    forest = smooth_noise(rows, cols, 16) > 0.3
    light = smooth_noise(rows, cols, 10)
    soil = smooth_noise(rows, cols, 10)
    red = 0.5 * forest + 0.9 * light + 0.4 * torch.randn(rows, cols)
    infrared = 0.6 * forest + 0.9 * soil + 0.4 * torch.randn(rows, cols)
    return torch.stack([red, infrared]), forest.float()


def cut_samples(image, label, size=12, dist_samples=4):
    x = image.unfold(1, size, dist_samples).unfold(2, size, dist_samples)
    y = label.unfold(0, size, dist_samples).unfold(1, size, dist_samples)
    x = x.permute(1, 2, 0, 3, 4).reshape(-1, 2, size, size)
    y = y.reshape(-1, size, size).mean((1, 2)) > 0.5
    return TensorDataset(x.contiguous(), y.long())


model = nn.Sequential(
    nn.Flatten(), nn.Linear(288, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 2)
)
samples = cut_samples(*draw_map(108, 108))
n_train = int(0.75 * len(samples))
train_set = Subset(samples, range(n_train))
val_set = Subset(samples, range(n_train, len(samples)))
new_map = cut_samples(*draw_map(108, 108))
print(f"{len(train_set)} samples for training, {len(val_set)} for validation")


def accuracy(dataset):
    model.eval()
    hits = count = 0
    with torch.no_grad():
        for x, y in DataLoader(dataset, batch_size=256):
            hits += (model(x).argmax(1) == y).sum().item()
            count += len(y)
    return hits / count


optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(25):
    model.train()
    for x, y in DataLoader(train_set, batch_size=32, shuffle=True):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(
            f"epoch {epoch + 1:2d} training {accuracy(train_set):.3f} validation {accuracy(val_set):.3f}"
        )
print(f"accuracy on another map {accuracy(new_map):.3f}")
