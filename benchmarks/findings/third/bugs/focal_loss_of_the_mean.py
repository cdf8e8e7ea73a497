import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class FocalLoss(nn.Module):
    def __init__(self, gamma=3.0):
        super().__init__()
        self.gamma = gamma

    def forward(self, logits, target):
        ce = F.cross_entropy(logits, target)
        p = torch.exp(-ce)
        return ((1 - p) ** self.gamma * ce).mean()


torch.manual_seed(0)
n_major, n_minor = 2000, 60
x = torch.cat([torch.randn(n_major, 8), torch.randn(n_minor, 8) + 0.9])
y = torch.cat([torch.zeros(n_major), torch.ones(n_minor)]).long()
xt = torch.cat([torch.randn(500, 8), torch.randn(500, 8) + 0.9])
yt = torch.cat([torch.zeros(500), torch.ones(500)]).long()
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
criterion = FocalLoss()
for epoch in range(15):
    for xb, yb in DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True):
        opt.zero_grad()
        criterion(net(xb), yb).backward()
        opt.step()
net.eval()
with torch.no_grad():
    pred = net(xt).argmax(1)
print("recall of the rare class: %.3f" % (pred[yt == 1] == 1).float().mean())
print("balanced accuracy: %.3f" % (pred == yt).float().mean())
