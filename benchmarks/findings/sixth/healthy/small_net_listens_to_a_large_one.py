"""Distillation: a large net is trained and frozen, a small one learns from its softened answers."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(12)
T, SHARE = 3.0, 0.8

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
order = torch.randperm(len(y))
train_x, train_y, test_x, test_y = (
    x[order[:1200]],
    y[order[:1200]],
    x[order[1200:]],
    y[order[1200:]],
)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=40, shuffle=True)


def accuracy(net):
    net.eval()
    with torch.no_grad():
        return (net(test_x).argmax(1) == test_y).float().mean().item()


def learn(net, loss_of, epochs):
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(epochs):
        net.train()
        for inputs, target in loader:
            optimizer.zero_grad()
            loss = loss_of(net(inputs), inputs, target)
            loss.backward()
            optimizer.step()
    return loss.item()


large = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 10))
last = learn(large, lambda logits, _, target: nn.functional.cross_entropy(logits, target), 20)
print(f"large net: loss {last:.3f}, accuracy {accuracy(large):.3f}")
large.requires_grad_(False)
large.eval()


def listen(logits, inputs, target):
    with torch.no_grad():
        soft = (large(inputs) / T).softmax(1)
    kl = nn.functional.kl_div((logits / T).log_softmax(1), soft, reduction="batchmean")
    return SHARE * T**2 * kl + (1 - SHARE) * nn.functional.cross_entropy(logits, target)


small = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
last = learn(small, listen, 30)
print(f"small net: loss {last:.3f}, accuracy {accuracy(small):.3f}")
