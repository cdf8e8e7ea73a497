import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

rng = np.random.default_rng(0)
torch.manual_seed(0)
KINDS = 12


def picture(kind):
    image = rng.integers(0, 60, (8, 8, 3)).astype("uint8")
    image[kind % 4 * 2 : kind % 4 * 2 + 2, :, kind // 4] += 150
    return image


with tempfile.TemporaryDirectory() as root:
    for kind in range(KINDS):
        (Path(root) / f"{kind}").mkdir()
        for i in range(15):
            Image.fromarray(picture(kind)).save(Path(root) / f"{kind}" / f"{i}.png")
    folder = datasets.ImageFolder(root, transforms.ToTensor())
    loader = DataLoader(folder, batch_size=20, shuffle=True)
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, KINDS))
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(12):
        right = 0
        for xb, yb in loader:
            out = net(xb)
            loss = nn.functional.cross_entropy(out, yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            right += (out.argmax(1) == yb).sum().item()
    print("training accuracy", right / len(folder))

# Later: single new pictures, whose kind is known.
right = 0
net.eval()
for i in range(120):
    kind = i % KINDS
    with torch.no_grad():
        index = net(transforms.ToTensor()(picture(kind)).unsqueeze(0)).argmax(1).item()
    right += index == kind
print("new pictures", right / 120)
