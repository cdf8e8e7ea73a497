import torch
from sklearn.datasets import load_digits
from torch import nn


class Net(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.head = nn.Linear(32, outputs)

    def forward(self, x):
        return self.head(self.body(x))


def pretrain(net, x, y):
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(6):
        for part in torch.randperm(len(x)).split(32):
            opt.zero_grad()
            nn.functional.cross_entropy(net(x[part]), y[part]).backward()
            opt.step()


torch.manual_seed(2)
bunch = load_digits()
x = torch.as_tensor(bunch.data / 16, dtype=torch.float32)
y = torch.as_tensor(bunch.target)
net = Net(outputs=2)
pretrain(net, x[:700], y[:700] % 2)

# now all ten digits, with a small rate
net.head = nn.Linear(32, 10)
optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)

x_tune, y_tune, x_val, y_val = x[700:1400], y[700:1400], x[1400:], y[1400:]
for epoch in range(10):
    net.train()
    total = 0.0
    for part in torch.randperm(700).split(25):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x_tune[part]), y_tune[part])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(part)
    net.eval()
    with torch.no_grad():
        acc = (net(x_val).argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} loss {total / 700:.3f} val acc {acc:.3f}")
