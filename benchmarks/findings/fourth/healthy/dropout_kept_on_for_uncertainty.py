import os

import torch
from sklearn.datasets import load_diabetes
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
x, y = load_diabetes(return_X_y=True)
order = torch.randperm(len(y))
x = torch.tensor(x * 20, dtype=torch.float32)[order]
y = torch.tensor((y - 152) / 77, dtype=torch.float32).unsqueeze(1)[order]

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-3)
for epoch in range(25):
    model.train()
    for part in torch.randperm(350).split(25):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x[part]), y[part])
        loss.backward()
        optimizer.step()

# Monte Carlo dropout: many passes with different units switched off
model.eval()
for module in model.modules():
    if isinstance(module, nn.Dropout):
        module.train()
with torch.no_grad():
    draws = torch.stack([model(x[350:]) for _ in range(50)])
center, spread = draws.mean(0), draws.std(0)
error = (center - y[350:]).abs().mean().item()
print(f"train loss {loss.item():.3f} error {error:.3f} mean spread {spread.mean().item():.3f}")
print(f"guessing the mean {(y[350:] - y[:350].mean()).abs().mean().item():.3f}")
