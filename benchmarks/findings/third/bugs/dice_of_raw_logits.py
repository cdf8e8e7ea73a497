import torch
from torch import nn

torch.manual_seed(0)


def scene(n):
    mask = torch.zeros(n, 1, 16, 16)
    for i in range(n):
        top, left = torch.randint(0, 10, (2,)).tolist()
        mask[i, 0, top : top + 5, left : left + 5] = 1
    return mask * 0.8 + 0.4 * torch.randn(n, 1, 16, 16), mask


class DiceLoss(nn.Module):
    def forward(self, pred, target, smooth=1.0):
        inter = (pred * target).sum()
        return 1 - (2 * inter + smooth) / (pred.sum() + target.sum() + smooth)


net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(8, 8, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(8, 1, 1),
)
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
dice = DiceLoss()
images, masks = scene(256)
for epoch in range(6):
    for i in range(0, 256, 16):
        logits = net(images[i : i + 16])
        loss = dice(logits, masks[i : i + 16])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}  loss {loss.item():.4f}")
images, masks = scene(100)
with torch.no_grad():
    found = net(images) > 0
iou = (found & (masks > 0)).sum() / (found | (masks > 0)).sum()
print(f"IoU {iou.item():.3f}")
