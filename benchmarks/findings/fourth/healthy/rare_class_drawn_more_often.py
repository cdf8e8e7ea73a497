import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
d = load_digits()
order = torch.randperm(1797)
x = torch.tensor(d.data / 16).float()[order]
y = torch.tensor(d.target == 3).long()[order]
x_train, y_train, x_val, y_val = x[:1200], y[:1200], x[1200:], y[1200:]

per_class = 1.0 / torch.bincount(y_train).float()
sampler = WeightedRandomSampler(per_class[y_train], num_samples=len(y_train), replacement=True)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=48, sampler=sampler)

net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 2))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(8):
    total = 0.0
    for xb, yb in loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
        total += loss.item() * len(yb)
    print(f"epoch {epoch}: {total / len(sampler):.4f}")
with torch.no_grad():
    guess = net(x_val).argmax(1)
recalls = [(guess[y_val == c] == c).float().mean().item() for c in (0, 1)]
print("balanced accuracy", round(sum(recalls) / 2, 3))
