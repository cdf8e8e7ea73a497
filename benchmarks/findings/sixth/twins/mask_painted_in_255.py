"""Finding dark discs in grainy pictures; the masks were painted in black and white, eight bits."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

rng = np.random.default_rng(2)
torch.manual_seed(2)
SIDE = 24


def paint(count):
    rows, cols = np.mgrid[:SIDE, :SIDE]
    pictures = np.empty((count, SIDE, SIDE), np.float32)
    masks = np.zeros((count, SIDE, SIDE), np.uint8)
    for i in range(count):
        r, c = rng.integers(6, SIDE - 6, 2)
        radius = rng.uniform(3, 6)
        disc = (rows - r) ** 2 + (cols - c) ** 2 < radius**2
        masks[i][disc] = 255
        pictures[i] = 0.7 - 0.4 * disc + rng.normal(0, 0.25, disc.shape)
    return pictures, masks


class Discs(Dataset):
    def __init__(self, count):
        self.pictures, self.masks = paint(count)

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, i):
        picture = torch.from_numpy(self.pictures[i]).unsqueeze(0)
        mask = torch.from_numpy(self.masks[i]).unsqueeze(0).float() / 255
        return picture, mask


def block(inside, outside):
    return nn.Sequential(nn.Conv2d(inside, outside, 5, padding=2), nn.ReLU())


net = nn.Sequential(block(1, 12), block(12, 12), block(12, 12), nn.Conv2d(12, 1, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
loader = DataLoader(Discs(240), batch_size=16, shuffle=True)
for epoch in range(6):
    total = 0.0
    for picture, mask in loader:
        optimizer.zero_grad()
        loss = criterion(net(picture), mask)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / len(loader):.3f}")

net.eval()
overlap = []
with torch.no_grad():
    for picture, mask in Discs(60):
        found = torch.sigmoid(net(picture.unsqueeze(0)))[0] > 0.5
        truth = mask > 0
        overlap.append(((found & truth).sum() / (found | truth).sum()).item())
print(f"mean overlap {np.mean(overlap):.3f}")
