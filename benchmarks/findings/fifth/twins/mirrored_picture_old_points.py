"""Finding the bright spot of a small picture; the pictures are mirrored now and then."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

SIZE = 20
torch.manual_seed(0)


class Spots(Dataset):
    def __init__(self, count, augment, seed):
        generator = torch.Generator().manual_seed(seed)
        self.augment = augment
        x = torch.rand(count, generator=generator) * 17 + 1
        y = torch.rand(count, generator=generator) * 17 + 1
        self.points = torch.stack([x, y], dim=1)
        rows = torch.arange(SIZE).view(1, SIZE, 1)
        columns = torch.arange(SIZE).view(1, 1, SIZE)
        distance = (columns - x.view(-1, 1, 1)) ** 2 + (rows - y.view(-1, 1, 1)) ** 2
        noise = 0.1 * torch.randn(count, SIZE, SIZE, generator=generator)
        self.images = (torch.exp(-distance / 4) + noise).unsqueeze(1)

    def __len__(self):
        return len(self.points)

    def __getitem__(self, index):
        image, point = self.images[index], self.points[index].clone()
        if self.augment and torch.rand(1) < 0.5:
            image = image.flip(-1)
            point[0] = SIZE - 1 - point[0]
        return image, point / (SIZE - 1)


class Finder(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.place = nn.Sequential(nn.Linear(800, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, image):
        return self.place(self.features(image))


def main():
    train = DataLoader(Spots(1000, augment=True, seed=1), batch_size=50, shuffle=True)
    test = DataLoader(Spots(300, augment=False, seed=2), batch_size=100)
    net = Finder()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(8):
        net.train()
        for images, points in train:
            loss = nn.functional.smooth_l1_loss(net(images), points)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            misses = [(net(i) - p).norm(dim=1) * (SIZE - 1) for i, p in test]
        print(
            f"epoch {epoch}: loss {loss.item():.4f}, off by {torch.cat(misses).mean():.2f} pixels"
        )


main()
