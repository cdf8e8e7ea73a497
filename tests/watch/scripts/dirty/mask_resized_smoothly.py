# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
pictures = F.avg_pool2d(torch.rand(160, 1, 14, 14), 5, stride=1)
masks = 3.0 * (pictures > 0.5)
masks = F.interpolate(masks, size=(16, 16), mode="bilinear", align_corners=False)  # <- Y108
pictures = F.interpolate(pictures, size=(16, 16), mode="bilinear", align_corners=False)
train_loader = DataLoader(TensorDataset(pictures, masks[:, 0].long()), batch_size=16, shuffle=True)

model = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3, padding=1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(2):
    for picture, mask in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(picture), mask)
        loss.backward()
        optimizer.step()
