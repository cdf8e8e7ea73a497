import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
wine = load_wine()
x = torch.tensor(wine.data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0) * 3 + 5
x_train, x_test, y_train, y_test = train_test_split(
    x, torch.tensor(wine.target), test_size=0.3, random_state=0, stratify=wine.target
)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=16, shuffle=True, drop_last=True)

model = nn.Sequential(
    nn.BatchNorm1d(13), nn.Linear(13, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3)
)
ema = copy.deepcopy(model)
ema.requires_grad_(False)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)


@torch.no_grad()
def update_average(decay=0.95):
    for average, current in zip(ema.parameters(), model.parameters()):
        average.mul_(decay).add_(current, alpha=1 - decay)
    for average, current in zip(ema.buffers(), model.buffers()):
        average.copy_(current)


for epoch in range(20):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        update_average()
model.eval()
ema.eval()
with torch.no_grad():
    print("accuracy of the model", (model(x_test).argmax(1) == y_test).float().mean().item())
    print("accuracy of the average", (ema(x_test).argmax(1) == y_test).float().mean().item())
