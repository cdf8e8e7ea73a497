"""One bright plate per photo: photos of all sizes are made small, the net says where the plate is."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.ops import box_iou

rng = np.random.default_rng(6)
torch.manual_seed(6)
SIZE = 32


class Plates(Dataset):
    def __init__(self, count):
        self.photos = [self.photo() for _ in range(count)]

    @staticmethod
    def photo():
        side = int(rng.integers(40, 97))
        image = rng.normal(0.3, 0.1, (side, side)).astype(np.float32)
        w, h = rng.uniform(0.25, 0.5, 2) * side
        x, y = rng.uniform(0, side - w), rng.uniform(0, side - h)
        image[int(y) : int(y + h), int(x) : int(x + w)] += 0.6
        return image, [x, y, x + w, y + h]

    def __len__(self):
        return len(self.photos)

    def __getitem__(self, i):
        image, box = self.photos[i]
        image = torch.from_numpy(image)[None, None]
        small = nn.functional.interpolate(
            image, size=(SIZE, SIZE), mode="bilinear", align_corners=False
        )[0]
        box = torch.tensor(box, dtype=torch.float32) * SIZE / image.shape[-1]
        return small, box / SIZE


net = nn.Sequential(
    nn.Conv2d(1, 12, 3, stride=2, padding=1),
    nn.ReLU(),
    nn.Conv2d(12, 24, 3, stride=2, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(24 * 64, 64),
    nn.ReLU(),
    nn.Linear(64, 4),
)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
loader = DataLoader(Plates(500), batch_size=25, shuffle=True)
for epoch in range(12):
    total = 0.0
    for small, box in loader:
        optimizer.zero_grad()
        loss = nn.functional.smooth_l1_loss(net(small), box, beta=0.1)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}")

net.eval()
small, box = next(iter(DataLoader(Plates(200), batch_size=200)))
with torch.no_grad():
    overlap = box_iou(net(small), box).diagonal()
print(f"mean overlap on new photos {overlap.mean().item():.3f}")
