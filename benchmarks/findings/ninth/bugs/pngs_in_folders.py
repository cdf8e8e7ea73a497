import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


def write_pictures(root, per_class=54):
    digits = load_digits()
    count = {}
    for picture, label in zip(digits.images, digits.target):
        n = count.get(label, 0)
        if n >= per_class:
            continue
        count[label] = n + 1
        part = "test" if n % 3 == 2 else "train"
        folder = root / part / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        # grey paper, slightly darker ink
        grey = 205 - picture * 4
        Image.fromarray(grey.astype(np.uint8)).save(folder / f"{n:03d}.png")


class FolderOfPngs(Dataset):
    def __init__(self, root, transform=None):
        self.files = sorted(Path(root).glob("*/*.png"))
        self.transform = transform

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        path = self.files[index]
        image = Image.open(path).convert("L")
        if self.transform:
            image = self.transform(image)
        return image, int(path.parent.name)


class SmallCNN(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Linear(32 * 16, n_classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def accuracy(model, loader):
    model.eval()
    hits = total = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(1) == y).sum().item()
            total += y.numel()
    return hits / total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=3e-3)
    args = parser.parse_args()
    torch.manual_seed(0)

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_pictures(root)
        train_transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize((0.72,), (0.09,))]
        )
        test_transform = transforms.Compose([transforms.ToTensor()])
        train_set = FolderOfPngs(root / "train", train_transform)
        test_set = FolderOfPngs(root / "test", test_transform)
        train_loader = DataLoader(train_set, args.batch_size, shuffle=True)
        test_loader = DataLoader(test_set, args.batch_size)

        model = SmallCNN()
        criterion = nn.CrossEntropyLoss()
        optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
        for epoch in range(args.epochs):
            model.train()
            running = 0.0
            for x, y in train_loader:
                optimizer.zero_grad()
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
                running += loss.item() * len(y)
            print(f"[{epoch + 1}] loss {running / len(train_set):.3f}")
        print(f"train accuracy {accuracy(model, train_loader):.3f}")
        print(f"test accuracy  {accuracy(model, test_loader):.3f}")


if __name__ == "__main__":
    main()
