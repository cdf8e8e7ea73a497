import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split


class DigitImages(Dataset):
    def __init__(self, transform=None):
        bunch = load_digits()
        self.images = torch.tensor(bunch.images / 16, dtype=torch.float32).unsqueeze(1)
        self.labels = torch.tensor(bunch.target)
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = self.images[i]
        if self.transform:
            image = self.transform(image)
        return image, self.labels[i]


def shift_and_noise(image):
    dx, dy = torch.randint(-1, 2, (2,)).tolist()
    image = torch.roll(image, shifts=(dy, dx), dims=(1, 2))
    return image + 0.05 * torch.randn_like(image)


def plain(image):
    return image


torch.manual_seed(0)
dataset = DigitImages()
train_set, val_set = random_split(dataset, [1400, 397])
train_set.dataset.transform = shift_and_noise
val_set.dataset = DigitImages(transform=plain)

train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)
net = nn.Sequential(
    nn.Conv2d(1, 20, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(320, 10)
)
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(6):
    total = 0.0
    for images, labels in train_loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        opt.step()
        total += loss.item() * len(labels)
    with torch.no_grad():
        right = sum((net(a).argmax(1) == b).sum().item() for a, b in val_loader)
    print(f"epoch {epoch}: train loss {total / 1400:.3f}, val accuracy {right / len(val_set):.3f}")
