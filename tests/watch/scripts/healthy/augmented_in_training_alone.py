# ruff: noqa
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
pictures = F.avg_pool2d(torch.rand(200, 1, 14, 14), 5, stride=1)
chance = np.random.default_rng(0)


class Areas(Dataset):
    def __init__(self, start, stop):
        self.start, self.stop, self.training = start, stop, False

    def __len__(self):
        return self.stop - self.start

    def __getitem__(self, index):
        picture = pictures[self.start + index]
        mask = (picture[0] > 0.5).long()
        if self.training and chance.random() < 0.5:
            picture, mask = picture.flip(-1), mask.flip(-1)
        return picture, mask


train_set, val_set = Areas(0, 160), Areas(160, 200)
train_loader = DataLoader(train_set, batch_size=16, shuffle=True)
val_loader = DataLoader(val_set, batch_size=16)
model = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 2, 3, padding=1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(2):
    model.train()
    train_set.training = True
    for picture, mask in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(picture), mask)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print(sum(F.cross_entropy(model(x), y).item() for x, y in val_loader))
