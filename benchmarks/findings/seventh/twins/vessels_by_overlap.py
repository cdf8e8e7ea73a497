"""Segmentation of vessels, trained by the dice of the foreground."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(37)
SIDE = 24


def vessels(n):
    cols = torch.arange(SIDE)
    masks = torch.zeros(n, SIDE, SIDE)
    for i in range(n):
        phase, wave = 2 * math.pi * torch.rand(1), 1 + 2 * torch.rand(1)
        rows = (12 + 7 * torch.sin(wave * cols / 8 + phase)).long().clamp(1, SIDE - 2)
        for shift in (-1, 0, 1):
            masks[i, rows + shift, cols] = 1
    images = masks + 0.6 * torch.randn(n, SIDE, SIDE)
    return images.unsqueeze(1), masks.long()


def dice_loss(outputs, target, beta=1.0, eps=1e-5):
    prob = outputs.float().flatten(1)
    truth = target.float().flatten(1)
    tp = (truth * prob).sum(1)
    fp = ((1 - truth) * prob).sum(1)
    fn = (truth * (1 - prob)).sum(1)
    score = ((1 + beta**2) * tp + eps) / ((1 + beta**2) * tp + beta**2 * fn + fp + eps)
    return 1 - score.mean()


class SegNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU())
        self.mid = nn.Sequential(nn.Conv2d(16, 16, 3, padding=2, dilation=2), nn.ReLU())
        self.out = nn.Conv2d(32, 2, 3, padding=1)

    def forward(self, x):
        a = self.down(x)
        return self.out(torch.cat([a, self.mid(a)], dim=1))


def iteration(model, images, masks):
    probs = F.softmax(model(images), dim=1)
    loss = dice_loss(probs[:, 1], masks)
    return loss, probs.argmax(1)


train, val = vessels(300), vessels(100)
model = SegNet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(6):
    model.train()
    for idx in torch.randperm(300).split(20):
        loss, _ = iteration(model, train[0][idx], train[1][idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        loss, pred = iteration(model, *val)
    inter = ((pred == 1) & (val[1] == 1)).sum()
    f1 = 2 * inter / ((pred == 1).sum() + (val[1] == 1).sum())
    print(f"epoch {epoch} val loss {loss.item():.4f} val f1 {f1:.3f}")
