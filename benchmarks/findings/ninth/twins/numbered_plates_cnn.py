import csv
import tempfile
from glob import glob
from os.path import join

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset, Subset


def export(folder, count=1000):
    """The scanner's output: one png for each plate and one table with what is written on it."""
    digits = load_digits()
    with open(join(folder, "labels.csv"), "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["plate", "digit"])
        for i in range(count):
            picture = (digits.images[i] * 15).astype(np.uint8)
            Image.fromarray(picture).save(join(folder, f"plate_{i}.png"))
            writer.writerow([i, digits.target[i]])


class PlateDataset(Dataset):
    def __init__(self, folder):
        self.files = sorted(
            glob(join(folder, "plate_*.png")), key=lambda f: int(f.split("_")[-1][:-4])
        )
        with open(join(folder, "labels.csv")) as f:
            self.labels = [int(row["digit"]) for row in csv.DictReader(f)]

    def __len__(self):
        return len(self.files)

    def __getitem__(self, idx):
        pixels = np.array(Image.open(self.files[idx]), dtype=np.float32) / 255
        return torch.from_numpy(pixels).unsqueeze(0), self.labels[idx]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(32 * 2 * 2, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return self.fc(x.flatten(1))


def main():
    torch.manual_seed(42)
    with tempfile.TemporaryDirectory() as folder:
        export(folder)
        plates = PlateDataset(folder)
        order = torch.randperm(len(plates)).tolist()
        train = DataLoader(Subset(plates, order[:800]), batch_size=32, shuffle=True)
        test = DataLoader(Subset(plates, order[800:]), batch_size=100)

        net = Net()
        criterion = nn.CrossEntropyLoss()
        optimizer = optim.Adam(net.parameters(), lr=3e-3)
        for epoch in range(8):
            net.train()
            running_loss = 0.0
            for images, labels in train:
                optimizer.zero_grad()
                loss = criterion(net(images), labels)
                loss.backward()
                optimizer.step()
                running_loss += loss.item()
            net.eval()
            correct = 0
            with torch.no_grad():
                for images, labels in test:
                    correct += (net(images).argmax(1) == labels).sum().item()
            print(
                f"[{epoch + 1}] loss: {running_loss / len(train):.3f}  "
                f"test accuracy: {correct / len(test.dataset):.3f}"
            )


if __name__ == "__main__":
    main()
