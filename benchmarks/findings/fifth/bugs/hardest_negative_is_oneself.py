"""Metric learning on digits: batch-hard triplets, scored by the nearest neighbour."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
data = load_digits()
pictures = torch.tensor(data.data, dtype=torch.float32) / 16
digits = torch.tensor(data.target)
# the digits 0 to 5 are learned, 6 to 9 are for the test
train_rows = (digits < 6).nonzero().squeeze(1)
test_rows = (digits >= 6).nonzero().squeeze(1)


class Embedder(nn.Module):
    def __init__(self, size=16):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, size))

    def forward(self, x):
        return F.normalize(self.body(x), dim=1)


def batch_hard_loss(vectors, labels, margin=0.3):
    distance = torch.cdist(vectors, vectors)
    same = labels[:, None] == labels[None, :]
    positive = (distance * same).max(dim=1).values
    negative = (distance * ~same).min(dim=1).values
    return F.relu(positive - negative + margin).mean()


@torch.no_grad()
def nearest_neighbour_accuracy(net, rows):
    net.eval()
    vectors = net(pictures[rows])
    distance = torch.cdist(vectors, vectors)
    distance.fill_diagonal_(float("inf"))
    return (digits[rows][distance.argmin(1)] == digits[rows]).float().mean().item()


net = Embedder()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(20):
    net.train()
    for part in torch.randperm(len(train_rows)).split(60):
        rows = train_rows[part]
        optimizer.zero_grad()
        loss = batch_hard_loss(net(pictures[rows]), digits[rows])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
print(f"nearest neighbour, known digits {nearest_neighbour_accuracy(net, train_rows):.3f}")
print(f"nearest neighbour, new digits {nearest_neighbour_accuracy(net, test_rows):.3f}")
