"""Segmentation of bright discs with a very small U-Net and a falling learning rate."""

import torch
import torch.nn as nn
from torch.optim import Adam
from torch.optim.lr_scheduler import ExponentialLR
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(8)

context = {
    "num_epochs": 12,
    "batch_size": 10,
    "initial_lr": 0.005,
    "lr_schedule_gamma": 0.8,
}


def phantom(n, size=24):
    rows = torch.arange(size).view(1, -1, 1)
    cols = torch.arange(size).view(1, 1, -1)
    images = 0.4 * torch.randn(n, size, size)
    masks = torch.zeros(n, size, size, dtype=torch.bool)
    for _ in range(2):
        centre = torch.randint(4, size - 4, (n, 2))
        radius = torch.randint(2, 5, (n,)).view(-1, 1, 1)
        distance = (rows - centre[:, 0].view(-1, 1, 1)) ** 2 + (
            cols - centre[:, 1].view(-1, 1, 1)
        ) ** 2
        masks |= distance <= radius**2
    return (images + 0.9 * masks).unsqueeze(1), masks.float().unsqueeze(1)


def block(c_in, c_out):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
        nn.Conv2d(c_out, c_out, 3, padding=1),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
    )


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.bottom, self.up = block(1, 8), block(8, 16), block(24, 8)
        self.final = nn.Conv2d(8, 1, 1)

    def forward(self, x):
        skip = self.down(x)
        deep = self.bottom(torch.max_pool2d(skip, 2))
        deep = nn.functional.interpolate(deep, scale_factor=2)
        return torch.sigmoid(self.final(self.up(torch.cat([skip, deep], dim=1))))


def dice_loss(pred, target, smooth=1.0):
    overlap = (pred * target).sum()
    return 1 - (2 * overlap + smooth) / (pred.sum() + target.sum() + smooth)


train_loader = DataLoader(TensorDataset(*phantom(200)), context["batch_size"], shuffle=True)
val_images, val_masks = phantom(80)
model = UNet()
optimizer = Adam(model.parameters(), lr=context["initial_lr"])
scheduler = ExponentialLR(optimizer, gamma=context["lr_schedule_gamma"])

for epoch in range(1, context["num_epochs"] + 1):
    model.train()
    train_loss_total = 0.0
    for images, masks in train_loader:
        preds = model(images)
        loss = dice_loss(preds, masks)
        train_loss_total += loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()

    model.eval()
    with torch.no_grad():
        val_loss = dice_loss(model(val_images), val_masks).item()
    print(
        f"Epoch {epoch} training loss {train_loss_total / len(train_loader):.4f} validation {val_loss:.4f}"
    )
