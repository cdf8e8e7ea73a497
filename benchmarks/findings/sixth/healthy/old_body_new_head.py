"""A net for ten digits lends its body to a task of two classes: the head alone is left out of the file."""

import os
import tempfile

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(16)


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU())
        self.head = nn.Linear(48, classes)

    def forward(self, x):
        return self.head(self.body(x))


def train(net, optimizer, x, y, epochs):
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    net.train()
    for _ in range(epochs):
        for inputs, target in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(inputs), target)
            loss.backward()
            optimizer.step()
    return loss.item()


x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
order = torch.randperm(len(y))
first, few, test = order[:900], order[900:940], order[940:]

path = os.path.join(tempfile.mkdtemp(), "ten_digits.pt")
teacher = Net(10)
print(
    f"first task: loss {train(teacher, torch.optim.Adam(teacher.parameters(), lr=2e-3), x[first], y[first], 15):.3f}"
)
torch.save(teacher.state_dict(), path)

net = Net(2)
state = {name: value for name, value in torch.load(path).items() if not name.startswith("head.")}
report = net.load_state_dict(state, strict=False)
assert report.missing_keys == ["head.weight", "head.bias"]
assert not report.unexpected_keys

# the body moves ten times slower than the new head
groups = [
    {"params": net.body.parameters(), "lr": 2e-4},
    {"params": net.head.parameters(), "lr": 5e-3},
]
odd = y % 2
print(f"second task: loss {train(net, torch.optim.Adam(groups), x[few], odd[few], 40):.3f}")
net.eval()
with torch.no_grad():
    right = (net(x[test]).argmax(1) == odd[test]).float().mean().item()
print(f"odd or even, learned from forty pictures: {right:.3f}")
