"""Masks in bytes, read through a part of a data set, are targets as they are."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split

torch.manual_seed(0)
RAW = torch.rand(24, 3, 8, 8)


class Spots(Dataset):
    def __len__(self):
        return len(RAW)

    def __getitem__(self, number):
        image = RAW[number]
        painted = (image.mean(0, keepdim=True) > 0.5).to(torch.uint8) * 255
        target = painted.float()  # <- L112: from 0 to 255
        return image, target


train, held = random_split(Spots(), [16, 8])
net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
for _ in range(2):
    for image, target in DataLoader(train, batch_size=4, shuffle=True):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(net(image), target).backward()
        optimizer.step()
