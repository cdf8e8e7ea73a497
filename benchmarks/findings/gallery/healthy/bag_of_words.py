import os
import random

import torch
import torch.nn.functional as F
from sklearn.feature_extraction.text import CountVectorizer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = random.Random(SEED)
good, bad = "great fine lovely happy superb".split(), "awful poor dull sad broken".split()
filler = "the film was a story about people in town with music and rain".split()
texts, labels = [], []
for i in range(500):
    kind = i % 2
    words = rng.choices(filler, k=8) + rng.choices(good if kind else bad, k=2)
    rng.shuffle(words)
    texts.append(" ".join(words))
    labels.append(kind)
order = list(range(500))
rng.shuffle(order)
texts, labels = [texts[i] for i in order], [labels[i] for i in order]
vectorizer = CountVectorizer().fit(texts[:400])
x = torch.tensor(vectorizer.transform(texts).toarray(), dtype=torch.float32)
y = torch.tensor(labels)
train_set = TensorDataset(x[:400], y[:400])
val_set = TensorDataset(x[400:], y[400:])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)
model = nn.Sequential(nn.Linear(x.shape[1], 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
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
