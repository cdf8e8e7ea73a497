import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

WINDOW = 24

rng = np.random.default_rng(0)
t = np.arange(700)
drift = np.cumsum(rng.normal(0, 0.15, size=700))
series = np.sin(t / 5) + drift + rng.normal(0, 0.1, size=700)
series = torch.tensor((series - series[:500].mean()) / series[:500].std(), dtype=torch.float32)

pieces = series.unfold(0, WINDOW + 1, 1)
inputs, targets = pieces[:, :-1], pieces[:, -1:]
count = len(pieces)

order = torch.arange(count)
train_ids, val_ids = order[:500], order[500 + WINDOW :]

loader = DataLoader(
    TensorDataset(inputs[train_ids], targets[train_ids]), batch_size=25, shuffle=True
)


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(WINDOW, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, window):
        last = window[:, -1:]
        return last + self.net(window - last)


torch.manual_seed(0)
model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(15):
    losses = []
    for window, following in loader:
        loss = nn.functional.mse_loss(model(window), following)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: train mse {np.mean(losses):.4f}")
with torch.no_grad():
    val = nn.functional.mse_loss(model(inputs[val_ids]), targets[val_ids]).item()
    naive = nn.functional.mse_loss(inputs[val_ids][:, -1:], targets[val_ids]).item()
print(f"validation mse {val:.4f} (repeating the last value: {naive:.4f})")
