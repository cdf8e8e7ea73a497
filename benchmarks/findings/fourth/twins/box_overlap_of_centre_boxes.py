import torch
from torch import nn
from torchvision.ops import box_convert, box_iou

SIDE = 16


def scenes(n, seed):
    g = torch.Generator().manual_seed(seed)
    size = 4 + 6 * torch.rand(n, 2, generator=g)
    corner = torch.rand(n, 2, generator=g) * (SIDE - size)
    boxes = torch.cat([corner, corner + size], 1).round()
    pictures = 0.2 * torch.randn(n, 1, SIDE, SIDE, generator=g)
    for picture, (x1, y1, x2, y2) in zip(pictures, boxes.int().tolist()):
        picture[0, y1:y2, x1:x2] += 1
    return pictures, box_convert(boxes, "xyxy", "cxcywh") / SIDE


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()
        )
        self.box = nn.Sequential(nn.Linear(8 * 64, 64), nn.ReLU(), nn.Linear(64, 4), nn.Sigmoid())

    def forward(self, x):
        return self.box(self.features(x))


def corners(boxes):
    return box_convert(boxes, "cxcywh", "xyxy")


def iou_loss(a, b):
    top_left, bottom_right = torch.max(a[:, :2], b[:, :2]), torch.min(a[:, 2:], b[:, 2:])
    shared = (bottom_right - top_left).clamp(min=0).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).clamp(min=0).prod(1) for box in (a, b)]
    return (1 - shared / (areas[0] + areas[1] - shared + 1e-6)).mean()


def detection_loss(predicted, wanted):
    distance = nn.functional.l1_loss(predicted, wanted)
    overlap = iou_loss(corners(predicted), corners(wanted))
    return distance + overlap


torch.manual_seed(0)
x, t = scenes(800, 1)
x_val, t_val = scenes(200, 2)
model = Detector()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(12):
    for idx in torch.randperm(800).split(40):
        loss = detection_loss(model(x[idx]), t[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")
with torch.no_grad():
    iou = box_iou(corners(model(x_val)), corners(t_val)).diagonal().mean()
print(f"mean IoU on new scenes {iou:.3f}")
