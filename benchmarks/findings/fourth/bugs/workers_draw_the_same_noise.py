import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


class RandomShift:
    def __init__(self, seed=0):
        self.R = np.random.RandomState(seed)

    def __call__(self, image):
        dy, dx = self.R.randint(0, 2, size=2)
        return np.roll(image, (dy, dx), axis=(0, 1)) + self.R.normal(0, 0.05, size=image.shape)


class ShiftedDigits(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = self.images[i] if self.transform is None else self.transform(self.images[i])
        return torch.tensor(image, dtype=torch.float32).flatten(), int(self.labels[i])


def main():
    torch.manual_seed(0)
    bunch = load_digits()
    images = bunch.images / 16
    train_set = ShiftedDigits(images[:1200], bunch.target[:1200], RandomShift())
    train_loader = DataLoader(train_set, batch_size=40, shuffle=True, num_workers=2)
    val_loader = DataLoader(ShiftedDigits(images[1200:], bunch.target[1200:]), batch_size=200)
    net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
    opt = torch.optim.Adam(net.parameters(), lr=6e-3)
    for epoch in range(5):
        for x, y in train_loader:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
        with torch.no_grad():
            right = sum((net(x).argmax(1) == y).sum().item() for x, y in val_loader)
        print(f"epoch {epoch} loss {loss.item():.3f} val {right / 597:.3f}")


if __name__ == "__main__":
    main()
