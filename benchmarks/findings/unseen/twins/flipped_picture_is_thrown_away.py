import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
np.random.seed(0)
rows, columns = np.mgrid[0:16, 0:16]


class KeyPoints(Dataset):
    def __init__(self, n, augment):
        self.points = np.random.uniform(2, 13, (n, 2)).astype(np.float32)
        self.augment = augment
        distance = (columns - self.points[:, :1, None]) ** 2 + (
            rows - self.points[:, 1:, None]
        ) ** 2
        self.images = np.exp(-distance / 4) + 0.1 * np.random.randn(n, 16, 16)

    def __len__(self):
        return len(self.points)

    def __getitem__(self, index):
        image = self.images[index].copy()
        point = self.points[index].copy()
        if self.augment and np.random.rand() < 0.5:
            image = np.fliplr(image)
            point[0] = 15 - point[0]
        image = torch.from_numpy(image.copy()).float().unsqueeze(0)
        return image, torch.from_numpy(point / 15)


train_loader = DataLoader(KeyPoints(800, augment=True), batch_size=40, shuffle=True)
test_loader = DataLoader(KeyPoints(200, augment=False), batch_size=100)
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(512, 64),
    nn.ReLU(),
    nn.Linear(64, 2),
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(8):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.4f}")
with torch.no_grad():
    error = [(model(xb) - yb).abs() for xb, yb in test_loader]
print("error in pixels", 15 * torch.cat(error).mean().item())
