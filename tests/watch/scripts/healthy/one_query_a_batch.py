"""A batch is one query with all its documents; the average precision of queries is averaged."""

# ruff: noqa
import torch
from sklearn.metrics import average_precision_score
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(0)
way = torch.randn(6)


def query(size):
    documents = torch.randn(size, 6)
    scores = documents @ way
    return documents, (scores > scores.median()).float()


def alone(batch):
    return batch[0]


queries = [query(8 + number % 5) for number in range(80)]
train_loader = DataLoader(queries[:60], batch_size=1, shuffle=True, collate_fn=alone)
val_loader = DataLoader(queries[60:], batch_size=1, collate_fn=alone)
network = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for _ in range(2):
    network.train()
    for documents, wanted in train_loader:
        scores = network(documents).squeeze(1)
        loss = -(scores.log_softmax(0) * wanted / wanted.sum()).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    found = []
    with torch.no_grad():
        for documents, wanted in val_loader:
            scores = network(documents).squeeze(1)
            found.append(average_precision_score(wanted.numpy(), scores.numpy()))
    print(f"{sum(found) / len(found):.4f}")
