import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch.utils.data import DataLoader, Dataset

SHAPES = ["circle", "square", "triangle", "cross"]


def picture(shape, rng, size=16):
    image = Image.new("L", (size, size))
    pen = ImageDraw.Draw(image)
    r = int(rng.integers(3, 6))
    x, y = rng.integers(r + 1, size - r - 1, 2).tolist()
    box = (x - r, y - r, x + r, y + r)
    if shape == "circle":
        pen.ellipse(box, outline=255)
    elif shape == "square":
        pen.rectangle(box, outline=255)
    elif shape == "triangle":
        pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], outline=255)
    else:
        pen.line((x - r, y, x + r, y), fill=255)
        pen.line((x, y - r, x, y + r), fill=255)
    return np.asarray(image, dtype=np.float32) / 255 + rng.normal(0, 0.25, (size, size))


class ShapeDataset(Dataset):
    def __init__(self, count, seed):
        rng = np.random.default_rng(seed)
        self.labels = rng.integers(0, len(SHAPES), count)
        drawn = np.stack([picture(SHAPES[k], rng) for k in self.labels])
        self.pictures = torch.tensor(drawn, dtype=torch.float32).unsqueeze(1)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.pictures[i], int(self.labels[i])


class ShapeNet(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc1 = nn.Linear(24 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, len(SHAPES))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(x.flatten(1), p=self.p)
        x = F.dropout(F.relu(self.fc1(x)), p=self.p)
        return self.fc2(x)


def evaluate(model, loader):
    model.eval()
    correct = 0
    with torch.no_grad():
        for x, y in loader:
            correct += (model(x).argmax(1) == y).sum().item()
    return correct / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--dropout", type=float, default=0.5)
    args = parser.parse_args()
    torch.manual_seed(0)

    train = DataLoader(ShapeDataset(1000, seed=1), batch_size=50, shuffle=True)
    test = DataLoader(ShapeDataset(400, seed=2), batch_size=100)
    model = ShapeNet(args.dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for x, y in train:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1} loss {total / len(train):.3f} test {evaluate(model, test):.3f}")
    print("the same test three times:", [round(evaluate(model, test), 3) for _ in range(3)])


if __name__ == "__main__":
    main()
