import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=1.0)
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--batch-size", type=int, default=64)
args = parser.parse_args()
torch.manual_seed(1)

data = load_digits()
x_train, x_test, y_train, y_test = train_test_split(
    data.images / 16, data.target, test_size=0.3, stratify=data.target, random_state=1
)
x_train, x_test = (torch.tensor(a, dtype=torch.float32)[:, None] for a in (x_train, x_test))
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)
beta = torch.distributions.Beta(args.alpha, args.alpha)


def mixup(images, labels):
    lam = beta.sample()
    onehot = F.one_hot(labels, 10).float()
    partner = torch.randperm(len(images))
    mixed_images = lam * images + (1 - lam) * images[partner]
    mixed_labels = lam * onehot + (1 - lam) * onehot[partner]
    return mixed_images, mixed_labels


net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(16 * 16, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(args.epochs):
    net.train()
    for batch in torch.randperm(len(x_train)).split(args.batch_size):
        images, labels = mixup(x_train[batch], y_train[batch])
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()

net.eval()
with torch.no_grad():
    logits = net(x_test)
print(f"last training loss {loss.item():.3f}")
print(f"test loss {F.cross_entropy(logits, y_test).item():.3f}")
print(f"test accuracy {(logits.argmax(1) == y_test).float().mean().item():.3f}")
