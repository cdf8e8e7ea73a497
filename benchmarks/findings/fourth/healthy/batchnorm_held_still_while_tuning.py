import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", 0))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3, padding=1)
        self.bn = nn.BatchNorm2d(12)
        self.fc = nn.Linear(12 * 16, 10)
        self.hold_statistics = False

    def train(self, mode=True):
        super().train(mode)
        if self.hold_statistics:
            self.bn.eval()
        return self

    def forward(self, x):
        x = torch.relu(self.bn(self.conv(x)))
        return self.fc(nn.functional.max_pool2d(x, 2).flatten(1))


def run(net, loader, lr, epochs):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    net.train()
    for _ in range(epochs):
        for x, y in loader:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
    return loss.item()


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


torch.manual_seed(SEED)
d = load_digits()
x, y = torch.tensor(d.images / 16).float().unsqueeze(1), torch.tensor(d.target)
big = DataLoader(TensorDataset(x[:1000], y[:1000]), batch_size=50, shuffle=True)
tiny = DataLoader(TensorDataset(x[1000:1300], y[1000:1300]), batch_size=4, shuffle=True)
net = Net()
print("loss", run(net, big, 3e-3, 5), "accuracy", accuracy(net, x[1300:], y[1300:]))
# batches of four are too small for statistics of their own
net.hold_statistics = True
print("loss", run(net, tiny, 3e-4, 3), "accuracy", accuracy(net, x[1300:], y[1300:]))
