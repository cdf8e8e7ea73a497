"""YOLO in one dimension: pulses on a line, one box (centre, width) for each cell."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(12)
LENGTH, CELLS = 64, 8
STRIDE = LENGTH // CELLS


def make_signals(n):
    x = 0.15 * torch.randn(n, 1, LENGTH)
    target = torch.zeros(n, CELLS, 3)  # objectness, centre in the cell, width in cells
    for i in range(n):
        for start in torch.randperm(CELLS // 2)[: torch.randint(1, 4, (1,)).item()].tolist():
            width = 4 + 6 * torch.rand(1).item()
            centre = start * 16 + 6 + 4 * torch.rand(1).item()
            x[i, 0, int(centre - width / 2) : int(centre + width / 2)] += 1
            cell = int(centre // STRIDE)
            inside = centre / STRIDE - cell
            target[i, cell] = torch.tensor([1.0, inside, width / STRIDE])
    return x, target


def iou_width_centre(a, b):
    left = torch.maximum(a[..., 0] - a[..., 1] / 2, b[..., 0] - b[..., 1] / 2)
    right = torch.minimum(a[..., 0] + a[..., 1] / 2, b[..., 0] + b[..., 1] / 2)
    inter = (right - left).clamp(min=0)
    return inter / (a[..., 1].abs() + b[..., 1].abs() - inter + 1e-6)


class Yolo1D(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(1, 24, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(24, 32, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool1d(4),
            nn.Conv1d(32, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(32, 3, 1),
        )

    def forward(self, x):
        out = self.net(x).transpose(1, 2)
        return torch.cat([out[..., :1], out[..., 1:2].sigmoid(), out[..., 2:].exp()], dim=-1)


def yolo_loss(pred, target):
    obj = target[..., 0] == 1
    ious = iou_width_centre(pred[..., 0:2][obj], target[..., 1:3][obj]).detach()
    no_object_loss = F.binary_cross_entropy_with_logits(pred[..., 0][~obj], target[..., 0][~obj])
    object_loss = F.binary_cross_entropy_with_logits(pred[..., 0][obj], ious)
    box_loss = F.mse_loss(pred[..., 1:3][obj], target[..., 1:3][obj])
    return no_object_loss + object_loss + 5 * box_loss


train_x, train_t = make_signals(800)
test_x, test_t = make_signals(200)
model = Yolo1D()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(12):
    model.train()
    for idx in torch.randperm(len(train_x)).split(32):
        loss = yolo_loss(model(train_x[idx]), train_t[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        pred = model(test_x)
    obj = test_t[..., 0] == 1
    found = pred[..., 0].sigmoid() > 0.5
    recall = (found & obj).sum() / obj.sum()
    iou = iou_width_centre(pred[..., 1:3][obj], test_t[..., 1:3][obj]).mean()
    print(f"epoch {epoch} loss {loss.item():.3f} recall {recall:.3f} iou of boxes {iou:.3f}")
