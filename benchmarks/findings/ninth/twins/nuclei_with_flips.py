import random
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms.functional import to_tensor

random.seed(0)
np.random.seed(0)
torch.manual_seed(0)


def draw_slides(folder, count, size=32):
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for i in range(count):
        noise = np.random.randint(60, 150, (size, size, 3), dtype=np.uint8)
        image = Image.fromarray(noise)
        mask = Image.new("L", (size, size))
        for _ in range(random.randint(1, 2)):
            r = random.randint(4, 7)
            x, y = random.randint(r, size - r), random.randint(r, size - r)
            box = (x - r, y - r, x + r, y + r)
            ImageDraw.Draw(image).ellipse(box, fill=(170, 90, random.randint(150, 200)))
            ImageDraw.Draw(mask).ellipse(box, fill=255)
        image.save(folder / "images" / f"{i:03d}.png")
        mask.save(folder / "masks" / f"{i:03d}.png")


class Nuclei(Dataset):
    def __init__(self, folder, augment=False):
        self.images = sorted((folder / "images").iterdir())
        self.masks = sorted((folder / "masks").iterdir())
        self.augment = augment
        self.flip = transforms.Compose(
            [transforms.RandomHorizontalFlip(), transforms.RandomVerticalFlip()]
        )

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = to_tensor(Image.open(self.images[index]))
        mask = to_tensor(Image.open(self.masks[index]))
        if self.augment:
            both = self.flip(torch.cat([image, mask]))
            image, mask = both[:3], both[3:]
        return image, mask


class TinyUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.ReLU())
        self.middle = nn.Sequential(nn.Conv2d(12, 24, 3, padding=1), nn.ReLU())
        self.up = nn.Sequential(nn.Conv2d(36, 12, 3, padding=1), nn.ReLU())
        self.out = nn.Conv2d(12, 1, 1)

    def forward(self, x):
        skip = self.down(x)
        deep = self.middle(F.max_pool2d(skip, 2))
        deep = F.interpolate(deep, scale_factor=2)
        return self.out(self.up(torch.cat([skip, deep], dim=1)))


def mean_iou(model, loader):
    model.eval()
    hit = union = 0
    with torch.no_grad():
        for image, mask in loader:
            found = model(image) > 0
            truth = mask > 0.5
            hit += (found & truth).sum().item()
            union += (found | truth).sum().item()
    return hit / max(union, 1)


with tempfile.TemporaryDirectory() as tmp:
    draw_slides(Path(tmp) / "train", 160)
    draw_slides(Path(tmp) / "test", 40)
    train_loader = DataLoader(Nuclei(Path(tmp) / "train", augment=True), 16, shuffle=True)
    test_loader = DataLoader(Nuclei(Path(tmp) / "test"), 20)

    model = TinyUNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss_fn = nn.BCEWithLogitsLoss()
    for epoch in range(6):
        model.train()
        total = 0
        for image, mask in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(model(image), mask)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch} loss {total / len(train_loader):.4f}")
    print(f"IoU on the test slides {mean_iou(model, test_loader):.3f}")
