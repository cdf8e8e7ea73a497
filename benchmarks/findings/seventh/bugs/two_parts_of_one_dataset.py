"""Digits that may lie anywhere: augmentation in training, none in validation."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset, random_split

torch.manual_seed(41)


class DigitSet(Dataset):
    def __init__(self, transform=None):
        digits = load_digits()
        self.images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
        self.images = F.pad(self.images, (3, 3, 3, 3))
        self.labels = torch.tensor(digits.target)
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = self.images[i]
        return (self.transform(image) if self.transform else image), self.labels[i]


def random_shift(image):
    dy, dx = torch.randint(-3, 4, (2,)).tolist()
    return torch.roll(image, (dy, dx), dims=(1, 2))


def known_datasets(train_share=0.7):
    dataset = DigitSet()
    n_train = int(train_share * len(dataset))
    train_dataset, val_dataset = random_split(dataset, [n_train, len(dataset) - n_train])
    train_dataset.dataset.transform = random_shift
    val_dataset.dataset.transform = None
    return train_dataset, val_dataset


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc = nn.Sequential(nn.Linear(32 * 9, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


train_dataset, val_dataset = known_datasets()
train_loader = DataLoader(train_dataset, batch_size=64, shuffle=True)
val_loader = DataLoader(val_dataset, batch_size=256)
model = CNN()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)


@torch.no_grad()
def accuracy(shifted):
    model.eval()
    hits = 0
    for images, labels in val_loader:
        if shifted:
            images = torch.stack([random_shift(image) for image in images])
        hits += (model(images).argmax(1) == labels).sum().item()
    return hits / len(val_dataset)


for epoch in range(8):
    model.train()
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.3f} val accuracy {accuracy(False):.3f}")
print(f"accuracy on digits out of place {accuracy(True):.3f}")
