# ruff: noqa
import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn

rng = np.random.default_rng(0)
torch.manual_seed(0)
table = rng.normal(3.0, 2.0, (240, 6))
labels = torch.tensor((table[:, 0] > 3).astype("int64"))
scaler = StandardScaler()
for fold in range(3):
    held = np.arange(240) % 3 == fold
    train = torch.tensor(scaler.fit_transform(table[~held]), dtype=torch.float32)
    test = torch.tensor(scaler.transform(table[held]), dtype=torch.float32)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(train), labels[~held]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model(test).argmax(1) == labels[held]).float().mean().item()
        fitted = (model(train).argmax(1) == labels[~held]).float().mean().item()
    print(fold, right, fitted)
