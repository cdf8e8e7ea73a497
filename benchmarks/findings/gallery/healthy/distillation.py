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
train_set = TensorDataset(x[:1400], y[:1400])
val_set = TensorDataset(x[1400:], y[1400:])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)
teacher = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
teacher_optimizer = torch.optim.Adam(teacher.parameters(), lr=2e-3)
for epoch in range(2):
    for xb, yb in train_loader:
        teacher_optimizer.zero_grad()
        F.cross_entropy(teacher(xb), yb).backward()
        teacher_optimizer.step()
teacher.eval()

model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
temperature = 2.0
for epoch in range(3):
    model.train()
    for xb, yb in train_loader:
        with torch.no_grad():
            soft = F.softmax(teacher(xb) / temperature, dim=1)
        out = model(xb)
        optimizer.zero_grad()
        distill = F.kl_div(F.log_softmax(out / temperature, dim=1), soft, reduction="batchmean")
        loss = 0.5 * F.cross_entropy(out, yb) + 0.5 * temperature**2 * distill
        loss.backward()
        optimizer.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for xb, yb in val_loader:
            correct += (model(xb).argmax(dim=1) == yb).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {correct / len(val_set):.3f}")
