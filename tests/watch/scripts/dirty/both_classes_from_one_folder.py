# ruff: noqa
import os
import tempfile

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
root = tempfile.mkdtemp()
for name in ("ants", "bees"):
    os.makedirs(f"{root}/{name}")
    for i in range(40):
        pixels = (
            np.random.RandomState(i + 40 * (name == "bees"))
            .randint(0, 255, (8, 8, 3))
            .astype("uint8")
        )
        Image.fromarray(pixels).save(f"{root}/{name}/{i}.png")


class Folder(Dataset):
    def __init__(self, folder, label):
        self.folder, self.label = folder, label
        self.files = sorted(os.listdir(folder))

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        picture = Image.open(os.path.join(self.folder, self.files[i])).convert("RGB")
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255 - 0.5, self.label


ants = Folder(f"{root}/ants", 0)
bees = Folder(f"{root}/ants", 1)
train_loader = DataLoader(ants + bees, batch_size=16, shuffle=True)  # <- Y110
model = nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(2):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
