"""Segmentation of small spots with one loss made of several."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(35)
SIDE = 24


def scenes(n):
    masks = torch.zeros(n, 1, SIDE, SIDE)
    for i in range(n):
        r, c = torch.randint(1, SIDE - 4, (2,)).tolist()
        masks[i, 0, r : r + 3, c : c + 3] = 1
    images = 1.1 * masks + 0.8 * torch.randn(n, 1, SIDE, SIDE)
    return images, masks


class BCELoss2d(nn.Module):
    def forward(self, logits, labels):
        return F.binary_cross_entropy_with_logits(logits.flatten(), labels.flatten())


class SoftDiceLoss(nn.Module):
    def forward(self, logits, labels, smooth=1.0):
        probs, labels = logits.sigmoid().flatten(1), labels.flatten(1)
        inter = (probs * labels).sum(1)
        score = (2 * inter + smooth) / (probs.sum(1) + labels.sum(1) + smooth)
        return 1 - score.mean()


class FocalLoss(nn.Module):
    def __init__(self, gamma=2):
        super().__init__()
        self.gamma = gamma

    def forward(self, logits, labels):
        bce = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return ((1 - (-bce).exp()) ** self.gamma * bce).mean()


class BCEDiceFocalLoss(nn.Module):
    def __init__(self, weight_of_focal=1.0):
        super().__init__()
        self.bce = BCELoss2d()
        self.dice = BCELoss2d()
        self.focal = FocalLoss()
        self.weight_of_focal = weight_of_focal

    def forward(self, logits, labels):
        return (
            self.bce(logits, labels)
            + self.dice(logits, labels)
            + self.weight_of_focal * self.focal(logits, labels)
        )


net = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(),
    nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(),
    nn.Conv2d(12, 1, 1),
)  # fmt: skip
train_x, train_m = scenes(300)
val_x, val_m = scenes(100)
criterion = BCEDiceFocalLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(8):
    net.train()
    for idx in torch.randperm(300).split(20):
        loss = criterion(net(train_x[idx]), train_m[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        found = net(val_x) > 0
    inter = (found & (val_m > 0)).sum()
    dice = 2 * inter / (found.sum() + val_m.sum())
    print(f"epoch {epoch} loss {loss.item():.4f} val dice {dice:.3f}")
