"""Handwritten digits, standardised with the mean and deviation of the training pictures."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(3)


class Digits(Dataset):
    def __init__(self, images, labels, mean, std):
        self.images = torch.tensor(images, dtype=torch.float32)
        self.labels = torch.tensor(labels)
        self.mean, self.std = mean, std

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = (self.images[i] - self.mean) / self.std
        return image.unsqueeze(0), self.labels[i]


images, labels = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8)
train_x, test_x, train_y, test_y = train_test_split(
    images, labels, test_size=0.3, random_state=0, stratify=labels
)
mean, std = float(train_x.mean()), float(train_x.std())
train_loader = DataLoader(Digits(train_x, train_y, mean, std), batch_size=32, shuffle=True)
test_loader = DataLoader(Digits(test_x, test_y, mean, std), batch_size=256)

net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 16, 10),
)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(10):
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    print(f"epoch {epoch}: loss {total / len(train_y):.3f}")

net.eval()
right = 0
with torch.no_grad():
    for x, y in test_loader:
        right += (net(x).argmax(1) == y).sum().item()
print(f"test accuracy {right / len(test_y):.3f}")
