import torch
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
bunch = load_breast_cancer()
x = torch.tensor(StandardScaler().fit_transform(bunch.data), dtype=torch.float32)
x = x + 1.5 * torch.randn_like(x)
y = torch.tensor(bunch.target)
train = DataLoader(TensorDataset(x[:300], y[:300]), 30, shuffle=True)
test = DataLoader(TensorDataset(x[300:], y[300:]), 65)
net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(20):
    for xb, yb in train:
        opt.zero_grad()
        nn.functional.cross_entropy(net(xb), yb).backward()
        opt.step()

net.eval()
preds, golds = [], []
with torch.no_grad():
    for xb, yb in test:
        preds = net(xb).argmax(1).tolist()
        golds = yb.tolist()
print(f"test accuracy {accuracy_score(golds, preds):.4f}  f1 {f1_score(golds, preds):.4f}")
