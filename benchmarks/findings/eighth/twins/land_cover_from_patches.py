"""Land cover from small aerial patches with torchvision transforms."""

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

NUM_CLASSES = 4
COLOURS = np.array([[60, 110, 50], [120, 105, 80], [70, 85, 120], [110, 110, 105]])


def make_patches(n, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, NUM_CLASSES, n)
    patches = COLOURS[labels][:, None, None, :] + rng.normal(0, 25, (n, 12, 12, 3))
    light = rng.normal(0, 12, (n, 1, 1, 1))
    stripes = (labels == 1)[:, None, None, None] * 25 * np.sin(np.arange(12))[None, :, None, None]
    return np.clip(patches + light + stripes, 0, 255).astype(np.uint8), labels


class PatchDataset(Dataset):
    def __init__(self, patches, labels, transform=None):
        self.patches, self.labels, self.transform = patches, labels, transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        patch = self.patches[i]
        if self.transform:
            patch = self.transform(patch)
        return patch, int(self.labels[i])


class SmallResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.conv = nn.Conv2d(16, 16, 3, padding=1)
        self.fc = nn.Linear(16, NUM_CLASSES)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        x = torch.relu(x + self.conv(x))
        return self.fc(x.mean((2, 3)))


def run_epoch(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    loss_sum = correct = count = 0
    with torch.set_grad_enabled(optimizer is not None):
        for images, labels in loader:
            outputs = model(images)
            loss = criterion(outputs, labels)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(labels)
            correct += (outputs.argmax(1) == labels).sum().item()
            count += len(labels)
    return loss_sum / count, correct / count


def main():
    torch.manual_seed(21)
    train_transform = transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.RandomHorizontalFlip(),
            transforms.Normalize([0.35, 0.40, 0.35], [0.14, 0.12, 0.14]),
        ]
    )
    test_transform = transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.Normalize([0.35, 0.40, 0.35], [0.14, 0.12, 0.14]),
        ]
    )
    train_set = PatchDataset(*make_patches(1200, 0), train_transform)
    test_set = PatchDataset(*make_patches(400, 1), test_transform)
    train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=100)
    model = SmallResNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(8):
        train_loss, train_acc = run_epoch(model, train_loader, criterion, optimizer)
        test_loss, test_acc = run_epoch(model, test_loader, criterion)
        print(
            f"[{epoch}] train loss {train_loss:.3f} acc {train_acc:.3f} | "
            f"test loss {test_loss:.3f} acc {test_acc:.3f}"
        )


if __name__ == "__main__":
    main()
