import argparse
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--max-lr", type=float, default=0.02)
parser.add_argument("--pieces", type=int, default=4, help="small batches for one step")
parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
args = parser.parse_args()

torch.manual_seed(args.seed)
digits = load_digits()
x = torch.tensor(digits.images).float().unsqueeze(1) / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train_rows, test_rows = order[:1408], order[1408:]
loader = DataLoader(TensorDataset(x[train_rows], y[train_rows]), batch_size=16, shuffle=True)

net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.GroupNorm(4, 16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(32 * 16, 10),
)
optimizer = torch.optim.SGD(net.parameters(), lr=args.max_lr / 10, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=args.max_lr, total_steps=args.epochs * len(loader) // args.pieces
)
loss_fn = nn.CrossEntropyLoss()

optimizer.zero_grad()
for epoch in range(args.epochs):
    running = 0.0
    for i, (images, labels) in enumerate(loader):
        loss = loss_fn(net(images), labels)
        (loss / args.pieces).backward()
        running += loss.item()
        if (i + 1) % args.pieces == 0:
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    lr = scheduler.get_last_lr()[0]
    print(f"epoch {epoch + 1} loss {running / len(loader):.4f} lr {lr:.6f}")

net.eval()
with torch.no_grad():
    hits = (net(x[test_rows]).argmax(1) == y[test_rows]).float().mean().item()
print(f"accuracy {hits:.4f}")
