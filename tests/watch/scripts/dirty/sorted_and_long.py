# ruff: noqa
# The data lie sorted by class, and so long that what is looked at holds the first class alone.
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)


class Rows(Dataset):
    def __init__(self, count):
        self.x = torch.randn(count, 6)
        self.y = (self.x[:, 0] > 0).long()
        order = self.y.argsort(stable=True)
        self.x, self.y = self.x[order], self.y[order]

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return {"features": self.x[i], "labels": self.y[i]}


loader = DataLoader(Rows(10_000), batch_size=250)  # <- D106
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(2):
    for batch in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(batch["features"]), batch["labels"]).backward()
        optimizer.step()
