import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

torch.manual_seed(21)

digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
X_train, y_train, X_test, y_test = X[:1200], y[:1200], X[1200:], y[1200:]


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU())

    def forward(self, x):
        return self.net(x)


backbone = Backbone()
projection = nn.Linear(48, 16)
backbone_optimizer = torch.optim.SGD(backbone.parameters(), lr=0.05, momentum=0.9)
head_optimizer = torch.optim.SGD(projection.parameters(), lr=0.05, momentum=0.9)
triplet_loss = nn.TripletMarginLoss(margin=0.5)
by_class = [torch.nonzero(y_train == c).squeeze(1) for c in range(10)]


def embed(x):
    return nn.functional.normalize(projection(backbone(x)), dim=1)


def draw(members):
    return members[torch.randint(len(members), (1,)).item()]


def sample_triplets(n):
    rows = []
    for _ in range(n):
        c, other = torch.randperm(10)[:2].tolist()
        rows.append(torch.stack([draw(by_class[c]), draw(by_class[c]), draw(by_class[other])]))
    return torch.stack(rows).T


def verification_auc(pairs=3000):
    left = torch.randint(len(X_test), (pairs,))
    right = torch.randint(len(X_test), (pairs,))
    with torch.no_grad():
        similarity = (embed(X_test[left]) * embed(X_test[right])).sum(1)
    return roc_auc_score((y_test[left] == y_test[right]).numpy(), similarity.numpy())


print(f"before training: AUC {verification_auc():.3f}")
running = 0.0
for step in range(1, 401):
    anchor, positive, negative = sample_triplets(48)
    loss = triplet_loss(embed(X_train[anchor]), embed(X_train[positive]), embed(X_train[negative]))
    head_optimizer.zero_grad()
    head_optimizer.zero_grad()
    loss.backward()
    backbone_optimizer.step()
    head_optimizer.step()
    running += loss.item()
    if step % 100 == 0:
        print(f"step {step}: triplet loss {running / 100:.4f}")
        running = 0.0
print(f"after training: AUC {verification_auc():.3f}")
