# ruff: noqa
# A loader that fetches the next batch before it gives the present one: it comes to its end before
# the last batch is used. Dropout is never told that this is an evaluation.
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class Ahead(DataLoader):
    def __iter__(self):
        walk = super().__iter__()
        present = next(walk)
        for following in walk:
            yield present
            present = following
        yield present


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(8, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.last(F.dropout(torch.relu(self.first(x)), 0.3))  # <- M106


x = torch.randn(240, 8)
y = x[:, :3].argmax(1)
train = Ahead(TensorDataset(x[:180], y[:180]), batch_size=20, shuffle=True)
val = Ahead(TensorDataset(x[180:], y[180:]), batch_size=15)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(3):
    net.train()
    for inputs, classes in train:
        optimizer.zero_grad()
        F.cross_entropy(net(inputs), classes).backward()
        optimizer.step()
    net.eval()
    right = 0
    with torch.no_grad():
        for inputs, classes in val:
            right += int((net(inputs).argmax(1) == classes).sum())
    print(right / 60)
