# ruff: noqa
import random

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
kinds = torch.randint(0, 3, (240,))
inputs = torch.randn(3, 16)[kinds] + 0.5 * torch.randn(240, 16)


class Shifted(Dataset):
    def __init__(self):
        self.chance = random.Random(0)  # <- D107

    def __len__(self):
        return len(inputs)

    def __getitem__(self, index):
        return inputs[index] + 0.1 * self.chance.random(), kinds[index]


train_loader = DataLoader(Shifted(), batch_size=30, shuffle=True, num_workers=2)

model = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(2):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
