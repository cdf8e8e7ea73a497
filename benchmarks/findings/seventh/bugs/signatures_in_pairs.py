"""A siamese network: are two pictures by the same hand? Here: the same digit."""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

random.seed(10)
torch.manual_seed(10)
digits = load_digits()
X = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
y = digits.target


def create_pairs(first, last, n):
    by_class = [[i for i in range(first, last) if y[i] == c] for c in range(10)]
    left, right, labels = [], [], []
    for k in range(n):
        c = k % 10
        left.append(random.choice(by_class[c]))
        if k % 2 == (k // 10) % 2:
            right.append(random.choice(by_class[c]))
            labels.append(1.0)
        else:
            other = (c + random.randrange(1, 10)) % 10
            right.append(random.choice(by_class[other]))
            labels.append(0.0)
    return X[left], X[right], torch.tensor(labels)


class SiameseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 16, 64),
            nn.ReLU(),
            nn.Linear(64, 16),
        )

    def forward(self, a, b):
        return F.pairwise_distance(self.base(a), self.base(b))


def contrastive_loss(y_true, distance, margin=1.0):
    apart = y_true
    close_term = (1 - apart) * distance.pow(2)
    far_term = apart * F.relu(margin - distance).pow(2)
    return (close_term + far_term).mean()


def compute_accuracy(labels, distance):
    return ((distance < 0.5).float() == labels).float().mean().item()


tr_a, tr_b, tr_y = create_pairs(0, 1300, 4000)
te_a, te_b, te_y = create_pairs(1300, 1797, 1000)
model = SiameseNet()
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for epoch in range(8):
    model.train()
    for idx in torch.randperm(len(tr_y)).split(128):
        loss = contrastive_loss(tr_y[idx], model(tr_a[idx], tr_b[idx]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        acc = compute_accuracy(te_y, model(te_a, te_b))
    print(f"epoch {epoch} loss {loss.item():.4f} accuracy on new pairs {acc:.3f}")
