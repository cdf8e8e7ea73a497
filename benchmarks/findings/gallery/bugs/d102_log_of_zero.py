import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rng = np.random.default_rng(0)
income = rng.gamma(1.0, 2.0, size=1000)
income[rng.integers(0, 1000, 20)] = 0
age = rng.normal(40, 10, size=1000)
y = torch.tensor((income + age / 10 > 6).astype("int64"))
features = np.stack([np.log(income), (age - 40) / 10], axis=1)
x = torch.tensor(features, dtype=torch.float32)
order = torch.randperm(1000)
train_set = TensorDataset(x[order[:800]], y[order[:800]])
val_set = TensorDataset(x[order[800:]], y[order[800:]])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)
model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for xb, yb in val_loader:
            correct += (model(xb).argmax(dim=1) == yb).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {correct / len(val_set):.3f}")
