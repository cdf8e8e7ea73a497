"""Digits with an exponential average of the weights, and shifted copies of each picture at test time."""

import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", "0")))

digits = load_digits()
images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
order = torch.randperm(len(labels))
train_set = TensorDataset(images[order[:1200]], labels[order[:1200]])
test_images, test_labels = images[order[1200:]], labels[order[1200:]]

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 16, 10),
)
shadow = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.97), use_buffers=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)


def random_shift(batch):
    padded = nn.functional.pad(batch, (1, 1, 1, 1))
    dy, dx = torch.randint(0, 3, (2,)).tolist()
    return padded[:, :, dy : dy + 8, dx : dx + 8]


@torch.no_grad()
def test(net, views):
    net.eval()
    probabilities = 0
    for dy, dx in views:
        moved = torch.roll(test_images, (dy, dx), dims=(2, 3))
        probabilities = probabilities + net(moved).softmax(1)
    return (probabilities.argmax(1) == test_labels).float().mean().item()


for epoch in range(10):
    model.train()
    for x, y in DataLoader(train_set, batch_size=50, shuffle=True):
        loss = nn.functional.cross_entropy(model(random_shift(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shadow.update_parameters(model)
    plain = test(model, [(0, 0)])
    averaged = test(shadow, [(0, 0)])
    many = test(shadow, [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)])
    print(
        f"epoch {epoch} loss {loss.item():.3f} weights {plain:.3f} shadow {averaged:.3f} five views {many:.3f}"
    )
