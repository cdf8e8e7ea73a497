import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class CellPictures(Dataset):
    """Bright round cells on a noisy background, with the mask of the cells."""

    def __init__(self, n, size=24, seed=0):
        g = torch.Generator().manual_seed(seed)
        yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        self.images, self.masks = [], []
        for _ in range(n):
            mask = torch.zeros(size, size)
            for _ in range(int(torch.randint(1, 4, (1,), generator=g))):
                cy, cx = torch.randint(4, size - 4, (2,), generator=g)
                r = torch.randint(2, 5, (1,), generator=g)
                mask[(yy - cy) ** 2 + (xx - cx) ** 2 <= r**2] = 1.0
            image = 0.8 * mask + 0.4 * torch.randn(size, size, generator=g)
            self.images.append(image.unsqueeze(0))
            self.masks.append(mask.unsqueeze(0))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], self.masks[i]


class DiceLoss(nn.Module):
    def __init__(self, smooth=1.0):
        super().__init__()
        self.smooth = smooth

    def forward(self, prediction, target):
        prediction = prediction.flatten(1)
        target = target.flatten(1)
        intersection = (prediction * target).sum(1)
        dice = (2 * intersection + self.smooth) / (
            prediction.sum(1) + target.sum(1) + self.smooth
        )
        return 1 - dice.mean()


class UNetLike(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU())
        self.mid = nn.Sequential(
            nn.MaxPool2d(2), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(),
            nn.Upsample(scale_factor=2),
        )  # fmt: skip
        self.out = nn.Conv2d(3 * width, 1, 3, padding=1)

    def forward(self, x):
        skip = self.down(x)
        return torch.sigmoid(self.out(torch.cat([skip, self.mid(skip)], dim=1)))


class Trainer:
    def __init__(self, model, train_loader, val_loader, lr=5e-3):
        self.model, self.train_loader, self.val_loader = model, train_loader, val_loader
        self.criterion = DiceLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def train_epoch(self):
        self.model.train()
        losses = []
        for image, mask in self.train_loader:
            loss = self.criterion(self.model(image), mask)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    @torch.no_grad()
    def iou(self):
        self.model.eval()
        inter = union = 0
        for image, mask in self.val_loader:
            found = self.model(image) > 0.5
            inter += (found & mask.bool()).sum().item()
            union += (found | mask.bool()).sum().item()
        return inter / union

    def fit(self, epochs):
        for epoch in range(epochs):
            loss = self.train_epoch()
            print(f"epoch {epoch + 1} loss {loss:.4f} val IoU {self.iou():.4f}")


if __name__ == "__main__":
    torch.manual_seed(0)
    train_loader = DataLoader(CellPictures(160, seed=1), batch_size=16, shuffle=True)
    val_loader = DataLoader(CellPictures(60, seed=2), batch_size=30)
    Trainer(UNetLike(), train_loader, val_loader).fit(10)
