import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rng = np.random.default_rng(0)
table = rng.normal(size=(1000, 8))
sick = (table[:, 0] + table[:, 1] * table[:, 2] + rng.normal(0, 0.5, 1000) > 0).astype("float64")
table = np.column_stack([table, sick])
x = torch.tensor(table[:, :-1], dtype=torch.float32)
y = torch.tensor(table[:, -1]).long()
train_set = TensorDataset(x[:800], y[:800])
val_set = TensorDataset(x[800:], y[800:])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
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
