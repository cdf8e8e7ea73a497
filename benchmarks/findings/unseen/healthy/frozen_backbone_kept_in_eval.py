import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]

# A frozen backbone without gradients that stays in eval while the head trains.
backbone = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU())
first_head = nn.Linear(64, 10)
optimizer = torch.optim.Adam([*backbone.parameters(), *first_head.parameters()], lr=2e-3)
for xb, yb in DataLoader(TensorDataset(x[:1000], y[:1000]), batch_size=50, shuffle=True):
    optimizer.zero_grad()
    F.cross_entropy(first_head(backbone(xb)), yb).backward()
    optimizer.step()


class Transfer(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.head = nn.Linear(64, 2)

    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, x):
        with torch.no_grad():
            h = self.backbone(x)
        return self.head(h)


model = Transfer()
optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=5e-3)
loader = DataLoader(TensorDataset(x[1000:1400], y[1000:1400] % 2), batch_size=50, shuffle=True)
for epoch in range(8):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    print("accuracy", (model(x[1400:]).argmax(1) == y[1400:] % 2).float().mean().item())
