import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))


class NoisyDigits(Dataset):
    """Clean and noisy pictures; the noise of the validation is the same in every epoch."""

    def __init__(self, pictures, fixed):
        self.pictures = pictures
        self.fixed = fixed

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, i):
        clean = self.pictures[i]
        generator = torch.Generator().manual_seed(i) if self.fixed else None
        return clean + 0.3 * torch.randn(64, generator=generator), clean


torch.manual_seed(SEED)
pictures = torch.tensor(load_digits().data / 16, dtype=torch.float32)
train = DataLoader(NoisyDigits(pictures[:1400], False), batch_size=50, shuffle=True)
val = DataLoader(NoisyDigits(pictures[1400:], True), batch_size=100)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    for noisy, clean in train:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(noisy), clean)
        loss.backward()
        optimizer.step()
    squares, untouched = 0.0, 0.0
    with torch.no_grad():
        for noisy, clean in val:
            squares += (net(noisy) - clean).square().sum().item()
            untouched += (noisy - clean).square().sum().item()
    pixels = len(val.dataset) * 64
    print(f"epoch {epoch}: mse {squares / pixels:.4f} (the noise itself {untouched / pixels:.4f})")
