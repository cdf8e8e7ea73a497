import torch
from sklearn.datasets import load_breast_cancer
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
d = load_breast_cancer()
perm = torch.randperm(569)
x = torch.tensor(d.data, dtype=torch.float32).log1p()[perm]
y = torch.tensor(d.target)[perm]
dl = DataLoader(TensorDataset(x[:400], y[:400]), batch_size=40, shuffle=True)
model = nn.Sequential(
    nn.BatchNorm1d(30), nn.Linear(30, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2)
)
opt = optim.SGD(model.parameters(), lr=0.01)
for epoch in range(20):
    model.eval()
    total = 0
    for xb, yb in dl:
        loss = nn.functional.cross_entropy(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / len(dl)
model.eval()
with torch.no_grad():
    acc = (model(x[400:]).argmax(1) == y[400:]).float().mean()
print(f"loss {total:.4f} accuracy {acc:.4f}")
