"""A regressor of one box for each image, trained by the generalised overlap of two boxes."""

import torch
import torch.nn as nn

torch.manual_seed(2)
SIDE = 24


def make_images(n):
    images = 0.2 * torch.randn(n, 1, SIDE, SIDE)
    boxes = torch.zeros(n, 4)
    for i in range(n):
        h, w = torch.randint(3, 7, (2,)).tolist()
        y, x = torch.randint(0, SIDE - h, (1,)).item(), torch.randint(0, SIDE - w, (1,)).item()
        images[i, 0, y : y + h, x : x + w] += 1
        boxes[i] = torch.tensor([x, y, x + w, y + h]) / SIDE
    return images, boxes


def box_iou(b1, b2, generalised=False):
    b1_x1, b1_y1, b1_x2, b1_y2 = b1.unbind(-1)
    b2_x1, b2_y1, b2_x2, b2_y2 = b2.unbind(-1)
    inter_w = torch.min(b1_x2, b2_x2) - torch.max(b1_x1, b2_x1)
    inter_h = torch.min(b1_y2, b2_y2) - torch.max(b1_y1, b2_y1)
    inter = inter_w.clamp(0) * inter_h.clamp(0)
    area1 = (b1_x2 - b1_x1) * (b1_y2 - b1_y1)
    area2 = (b2_x2 - b2_x1) * (b2_y2 - b2_y1)
    union = area1 + area2 - inter + 1e-7
    iou = inter / union
    if not generalised:
        return iou
    cw = torch.max(b1_x2, b2_x2) - torch.min(b1_x1, b2_x1)
    ch = torch.max(b1_y2, b2_y2) - torch.min(b1_y1, b2_y1)
    convex = cw * ch + 1e-7
    return iou - (convex - union) / convex


class BoxNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 36, 64),
            nn.ReLU(),
            nn.Linear(64, 4),
        )

    def forward(self, x):
        out = self.features(x)
        centre, size = out[:, :2].sigmoid(), 0.12 * (out[:, 2:].sigmoid() + 0.2)
        return torch.cat([centre - size, centre + size], dim=1)


train_x, train_b = make_images(1000)
val_x, val_b = make_images(300)
model = BoxNet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(12):
    model.train()
    for idx in torch.randperm(len(train_x)).split(50):
        pred = model(train_x[idx])
        loss = (1 - box_iou(pred, train_b[idx], generalised=True)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        pred = model(val_x)
        off = (pred - val_b).abs().mean() * SIDE
        iou = box_iou(pred, val_b).mean()
    print(f"epoch {epoch} loss {loss.item():.3f} val iou {iou:.3f} mean corner error {off:.2f} px")
