"""Gradients of several small batches make up one large batch, also at the end of an epoch."""

import os

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
SMALL, PARTS = 8, 4
torch.manual_seed(SEED)

x, y = load_wine(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(
    x, y, test_size=0.3, stratify=y, random_state=SEED
)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_test = (
    torch.tensor((part - mean) / std, dtype=torch.float32) for part in (x_train, x_test)
)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=SMALL, shuffle=True)
net = nn.Sequential(nn.Linear(13, 24), nn.Tanh(), nn.Linear(24, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)
summed_loss = nn.CrossEntropyLoss(reduction="sum")

for epoch in range(20):
    net.train()
    optimizer.zero_grad()
    waiting, total = 0, 0.0
    for number, (features, kinds) in enumerate(loader, start=1):
        loss = summed_loss(net(features), kinds)
        loss.backward()
        waiting += len(kinds)
        total += loss.item()
        if number % PARTS == 0 or number == len(loader):
            for weight in net.parameters():
                weight.grad /= waiting
            optimizer.step()
            optimizer.zero_grad()
            waiting = 0
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {total / len(y_train):.4f}")

net.eval()
with torch.no_grad():
    print(f"accuracy {(net(x_test).argmax(1) == y_test).float().mean().item():.3f}")
