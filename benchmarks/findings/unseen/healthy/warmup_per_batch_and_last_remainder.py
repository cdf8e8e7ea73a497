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

# Accumulation with a remainder at the end of the epoch, and a schedule stepped per update.
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=16, shuffle=True)
accumulate, epochs = 4, 6
updates = epochs * -(-len(loader) // accumulate)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda n: min((n + 1) / 20, max(0.0, (updates - n) / (updates - 20)))
)
for epoch in range(epochs):
    model.train()
    for i, (xb, yb) in enumerate(loader):
        parts = min(accumulate, len(loader) - i // accumulate * accumulate)
        (F.cross_entropy(model(xb), yb) / parts).backward()
        if (i + 1) % accumulate == 0 or i + 1 == len(loader):
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
with torch.no_grad():
    print("accuracy", (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
