import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
d = load_digits()
x, y = torch.tensor(d.images / 16).float().unsqueeze(1), torch.tensor(d.target)


class Fine(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten()
        )
        self.head = nn.Linear(1024, 10)

    def forward(self, x):
        return self.head(self.body(x))

    def train(self, mode=True):
        super().train(mode)
        if not self.body[0].weight.requires_grad:
            self.body.eval()
        return self


def fit(net, classes, epochs):
    pick = torch.isin(y[:1400], classes).nonzero().squeeze(1)
    opt = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=2e-3)
    net.train()
    for _ in range(epochs):
        for part in pick[torch.randperm(len(pick))].split(50):
            opt.zero_grad()
            nn.functional.cross_entropy(net(x[part]), y[part]).backward()
            opt.step()


net = Fine()
fit(net, torch.arange(5), 3)
net.body.requires_grad_(False)
net.head.reset_parameters()
fit(net, torch.arange(10), 4)
net.eval()
with torch.no_grad():
    print("accuracy", (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
