# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
pictures = F.avg_pool2d(torch.rand(160, 1, 14, 14), 5, stride=1)


class Areas(Dataset):
    def __len__(self):
        return len(pictures)

    def __getitem__(self, index):
        picture = pictures[index]
        mask = (picture[0] > 0.5).long()
        if torch.rand(()) < 0.5:
            picture = torch.flip(picture, dims=[-1])  # <- Y109
        return picture + 0.01 * torch.randn(1, 10, 10), mask


train_loader = DataLoader(Areas(), batch_size=16, shuffle=True)

model = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 2, 3, padding=1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(2):
    for picture, mask in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(picture), mask)
        loss.backward()
        optimizer.step()
