"""A small single-object detector: a score map, and at each cell an offset and a size."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(3)
GRID, CELL = 6, 4


def make_scenes(n):
    side = GRID * CELL
    images = 0.1 * torch.randn(n, 1, side, side)
    score = torch.zeros(n, GRID, GRID)
    offset = torch.zeros(n, 2)
    size = torch.zeros(n, 2)
    cells = torch.zeros(n, 2, dtype=torch.long)
    for i in range(n):
        h, w = torch.randint(3, 10, (2,)).tolist()
        top = torch.randint(0, side - h, (1,)).item()
        left = torch.randint(0, side - w, (1,)).item()
        images[i, 0, top : top + h, left : left + w] += 1.0
        cy, cx = top + h / 2, left + w / 2
        row, col = int(cy // CELL), int(cx // CELL)
        score[i, row, col] = 1.0
        cells[i] = torch.tensor([row, col])
        offset[i] = torch.tensor([cy / CELL - row, cx / CELL - col])
        size[i] = torch.tensor([h / 10, w / 10])
    return images, score, offset, size, cells


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(24, 48, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(48, 48, 3, padding=1),
            nn.ReLU(),
        )
        self.score = nn.Conv2d(48, 1, 1)
        self.position = nn.Conv2d(48, 2, 1)
        self.dimension = nn.Conv2d(48, 2, 1)

    def forward(self, x):
        feats = self.backbone(x)
        return self.score(feats).squeeze(1), self.position(feats), self.dimension(feats)


def at_cells(maps, cells):
    return maps[torch.arange(len(maps)), :, cells[:, 0], cells[:, 1]]


def compute_loss(pred, target):
    pred_score, pred_pos, pred_dim = pred
    score, offset, size, cells = target
    score_loss = F.binary_cross_entropy_with_logits(pred_score, score)
    pos_loss = F.l1_loss(at_cells(pred_pos, cells), offset)
    dim_loss = F.l1_loss(at_cells(pred_dim, cells), size)
    total = score_loss + pos_loss + dim_loss
    total = score_loss
    return total, {"score": score_loss, "position": pos_loss, "dimension": dim_loss}


train, val = make_scenes(600), make_scenes(200)
model = Detector()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(8):
    model.train()
    for idx in torch.randperm(600).split(30):
        images, *target = [t[idx] for t in train]
        loss, parts = compute_loss(model(images), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        _, parts = compute_loss(model(val[0]), val[1:])
    print(epoch, {name: round(part.item(), 4) for name, part in parts.items()})
