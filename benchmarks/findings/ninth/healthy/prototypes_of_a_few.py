import os
import random

import torch
from sklearn.datasets import load_digits
from torch import nn

SEED = int(os.environ.get("SEED", 0))
WAYS, SHOTS, QUERIES = 4, 3, 5

random.seed(SEED)
torch.manual_seed(SEED)

digits = load_digits()
pixels = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)
members = {c: pixels[labels == c] for c in range(10)}
known, unseen = [0, 1, 2, 3, 4, 5], [6, 7, 8, 9]


def episode(classes):
    support, query = [], []
    for c in random.sample(classes, WAYS):
        picked = members[c][torch.randperm(len(members[c]))[: SHOTS + QUERIES]]
        support.append(picked[:SHOTS])
        query.append(picked[SHOTS:])
    target = torch.arange(WAYS).repeat_interleave(QUERIES)
    return torch.cat(support), torch.cat(query), target


class Embedder(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 16, width),
        )

    def forward(self, x):
        return self.net(x)


def logits_of(model, support, query):
    prototypes = model(support).view(WAYS, SHOTS, -1).mean(dim=1)
    codes = model(query)
    return -((codes[:, None] - prototypes[None]) ** 2).sum(dim=-1)


model = Embedder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()

running = 0.0
for step in range(1, 301):
    support, query, target = episode(known)
    loss = criterion(logits_of(model, support, query), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    running += loss.item()
    if step % 100 == 0:
        print(f"episode {step}: loss {running / 100:.4f}")
        running = 0.0

model.eval()
hits = 0.0
with torch.no_grad():
    for _ in range(100):
        support, query, target = episode(unseen)
        hits += (logits_of(model, support, query).argmax(1) == target).float().mean().item()
print(f"digits never seen in training, {SHOTS} examples each: {hits:.1f} %")
