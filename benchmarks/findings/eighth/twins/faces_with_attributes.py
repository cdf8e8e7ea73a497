"""A data set in the form of CelebA: one table of attributes, one table of partitions, many files."""

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

rng = np.random.default_rng(7)
torch.manual_seed(7)
SPLITS = {"train": 0, "valid": 1, "test": 2}


def draw_face(smiling, glasses):
    face = rng.normal(0.5, 0.15, (16, 16))
    mouth = 11 + rng.integers(-1, 2)
    face[mouth, 5:11] += 0.8
    if smiling:
        face[mouth - 1, [4, 11]] += 0.8
    if glasses:
        face[5, 3:13] += 0.6
    return face.astype(np.float32)


def make_archive(n=2400):
    """Files by name, attributes by row and the partition of each row, as read from disk."""
    attributes = rng.integers(0, 2, (n, 2))
    files = {f"{i:06d}.jpg": draw_face(*attributes[i]) for i in range(n)}
    partition = rng.choice([0, 1, 2], size=n, p=[0.7, 0.15, 0.15])
    return files, attributes, partition


class FaceAttributes(Dataset):
    def __init__(self, archive, split="train", target="smiling"):
        self.files, attributes, partition = archive
        mask = partition == SPLITS[split]
        self.filename = [name for name, chosen in zip(self.files, mask) if chosen]
        self.attr = torch.as_tensor(attributes[mask])
        self.column = ["smiling", "glasses"].index(target)

    def __len__(self):
        return len(self.attr)

    def __getitem__(self, index):
        image = self.files[self.filename[index]]
        return torch.from_numpy(image).unsqueeze(0), self.attr[index, self.column].float()


model = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(24 * 16, 1),
)
archive = make_archive()
train_loader = DataLoader(FaceAttributes(archive, "train"), batch_size=64, shuffle=True)
valid_loader = DataLoader(FaceAttributes(archive, "valid"), batch_size=256)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(12):
    model.train()
    losses = []
    for images, targets in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(images).squeeze(1), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    right = total = 0
    with torch.no_grad():
        for images, targets in valid_loader:
            predicted = (model(images).squeeze(1) > 0).float()
            right += (predicted == targets).sum().item()
            total += len(targets)
    print(f"epoch {epoch:2d} train loss {np.mean(losses):.3f} valid accuracy {right / total:.3f}")
