import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
mask = (x.squeeze(1) > 0.3).long() + (x.squeeze(1) > 0.8).long()
mask[:, 0, :] = 255
mask[:, :, 0] = 255
train_loader = DataLoader(TensorDataset(x[:1000], mask[:1000]), batch_size=50, shuffle=True)
val_loader = DataLoader(TensorDataset(x[1000:1300], mask[1000:1300]), batch_size=100)


class Segment(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 16, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(16, 16, 2, stride=2)
        self.out = nn.Conv2d(17, 3, 3, padding=1)

    def forward(self, x):
        h = F.relu(self.up(F.relu(self.down(x))))
        return self.out(torch.cat([h, x], dim=1))


model = Segment()
criterion = nn.CrossEntropyLoss(ignore_index=255)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    model.train()
    for image, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(image), target)
        loss.backward()
        optimizer.step()
    model.eval()
    right, seen = 0, 0
    with torch.no_grad():
        for image, target in val_loader:
            keep = target != 255
            right += (model(image).argmax(1)[keep] == target[keep]).sum().item()
            seen += keep.sum().item()
    print(epoch, loss.item(), right / seen)
