import random

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rng = random.Random(0)
texts, labels = [], []
for i in range(600):
    kind = i % 2
    words = [rng.randrange(1, 40) for _ in range(rng.randrange(20, 40))]
    words += [40 + kind * 5 + rng.randrange(5) for _ in range(3)]
    texts.append(words)
    labels.append(kind)
max_length = 48
ids = torch.zeros(600, max_length, dtype=torch.long)
for i, words in enumerate(texts):
    kept = torch.tensor(words[:max_length])
    ids[i, : len(kept)] = kept
y = torch.tensor(labels)
order = torch.randperm(600)
train_set = TensorDataset(ids[order[:500]], y[order[:500]])
val_set = TensorDataset(ids[order[500:]], y[order[500:]])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 16, padding_idx=0)
        self.fc = nn.Linear(16, 2)

    def forward(self, ids):
        mask = (ids != 0).unsqueeze(-1)
        return self.fc((self.embed(ids) * mask).sum(1) / mask.sum(1))


model = Bag()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(3):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for xb, yb in val_loader:
            correct += (model(xb).argmax(dim=1) == yb).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {correct / len(val_set):.3f}")
