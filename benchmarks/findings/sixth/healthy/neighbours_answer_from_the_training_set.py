"""Metric learning: the test pictures are named after their nearest training pictures."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(10)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
order = torch.randperm(len(y))
train, test = order[:700], order[700:]

embed = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))
criterion = nn.TripletMarginLoss(margin=0.5)
optimizer = torch.optim.Adam(embed.parameters(), lr=2e-3)
by_kind = [train[y[train] == kind] for kind in range(10)]


def triplets(count):
    anchor, positive, negative = [], [], []
    for _ in range(count):
        kind, other = torch.randperm(10)[:2].tolist()
        a, p = by_kind[kind][torch.randperm(len(by_kind[kind]))[:2]].tolist()
        n = by_kind[other][torch.randint(len(by_kind[other]), (1,))].item()
        anchor.append(a)
        positive.append(p)
        negative.append(n)
    return x[anchor], x[positive], x[negative]


for step in range(1, 301):
    a, p, n = triplets(64)
    loss = criterion(embed(a), embed(p), embed(n))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

embed.eval()
with torch.no_grad():
    distance = torch.cdist(embed(x[test]), embed(x[train]))
nearest = distance.topk(5, dim=1, largest=False).indices
votes = y[train][nearest].mode(1).values
print(f"accuracy by five neighbours {(votes == y[test]).float().mean().item():.3f}")
