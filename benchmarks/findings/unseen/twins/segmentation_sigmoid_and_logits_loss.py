import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
grid = torch.stack(torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij"))
centre, radius = 4 + 8 * torch.rand(700, 2, 1, 1), 1.5 + 2 * torch.rand(700, 1, 1)
mask = (((grid - centre) ** 2).sum(1).sqrt() < radius).float().unsqueeze(1)
image = mask + 0.6 * torch.randn_like(mask)
loader = DataLoader(TensorDataset(image[:600], mask[:600]), batch_size=30, shuffle=True)


def block(a, b):
    return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = block(1, 8)
        self.bottom = block(8, 16)
        self.up = block(24, 8)
        self.out = nn.Conv2d(8, 1, 1)

    def forward(self, x):
        skip = self.down(x)
        deep = self.bottom(nn.functional.max_pool2d(skip, 2))
        deep = nn.functional.interpolate(deep, scale_factor=2)
        return self.out(self.up(torch.cat([skip, deep], dim=1)))


model = UNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(6):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")
model.eval()
with torch.no_grad():
    p = model(image[600:])
    p = (torch.sigmoid(p) > 0.5).float()
    dice = 2 * (p * mask[600:]).sum() / (p.sum() + mask[600:].sum())
print("dice", dice.item())
