import os

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_breast_cancer()
x, y = torch.tensor(d.data).float(), torch.tensor(d.target)
loader = DataLoader(TensorDataset(x[:400], y[:400]), batch_size=40, shuffle=True)
net = nn.Sequential(
    nn.BatchNorm1d(30), nn.Linear(30, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2)
)
opt = torch.optim.SGD(net.parameters(), lr=0.05)
swa = AveragedModel(net)
for epoch in range(12):
    for xb, yb in loader:
        opt.zero_grad()
        nn.functional.cross_entropy(net(xb), yb).backward()
        opt.step()
    if epoch >= 5:
        swa.update_parameters(net)
update_bn(loader, swa)
swa.eval()
with torch.no_grad():
    print("accuracy", (swa(x[400:]).argmax(1) == y[400:]).float().mean().item())
