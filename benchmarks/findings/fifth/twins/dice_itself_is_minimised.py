"""Segmenting round cells on noisy little pictures with a Dice loss."""

import torch
from torch import nn

torch.manual_seed(0)


def cells(count, side=20):
    centre = torch.rand(count, 2, 1, 1) * (side - 8) + 4
    radius = torch.rand(count, 1, 1) * 3 + 2
    rows = torch.arange(side).view(1, side, 1)
    columns = torch.arange(side).view(1, 1, side)
    inside = (rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2 < radius**2
    images = inside.float() * 0.7 + 0.3 * torch.randn(count, side, side)
    return images.unsqueeze(1), inside.float().unsqueeze(1)


class DiceLoss(nn.Module):
    def __init__(self, smooth=1.0):
        super().__init__()
        self.smooth = smooth

    def forward(self, logits, masks):
        chance = torch.sigmoid(logits).flatten(1)
        masks = masks.flatten(1)
        overlap = (chance * masks).sum(1)
        dice = (2 * overlap + self.smooth) / (chance.sum(1) + masks.sum(1) + self.smooth)
        return 1 - dice.mean()


class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 1, 1),
        )

    def forward(self, x):
        return self.body(x)


@torch.no_grad()
def mean_iou(net, images, masks):
    net.eval()
    found, truth = net(images) > 0, masks.bool()
    both = (found & truth).sum((1, 2, 3))
    either = (found | truth).sum((1, 2, 3))
    return (both / either.clamp(min=1)).mean().item()


train_images, train_masks = cells(300)
test_images, test_masks = cells(100)
net = Segmenter()
criterion = DiceLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(6):
    net.train()
    for part in torch.randperm(300).split(20):
        loss = criterion(net(train_images[part]), train_masks[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    iou = mean_iou(net, test_images, test_masks)
    print(f"epoch {epoch}: loss {loss.item():.3f}, IoU {iou:.3f}")
