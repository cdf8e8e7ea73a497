import os

import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# A quarter of the draws are repeats of few samples, on purpose; the plain accuracy is below the majority's.

x, y = make_classification(
    3000, 12, n_informative=6, weights=[0.95], flip_y=0.02, class_sep=0.7, random_state=SEED
)
x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
train, test = slice(0, 2200), slice(2200, 3000)
weight = (1.0 / torch.bincount(y[train]))[y[train]]
sampler = WeightedRandomSampler(weight, len(weight))
loader = DataLoader(TensorDataset(x[train], y[train]), batch_size=64, sampler=sampler)
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(6):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
with torch.no_grad():
    guess = model(x[test]).argmax(1)
recall = [(guess[y[test] == c] == c).float().mean().item() for c in (0, 1)]
print("accuracy", (guess == y[test]).float().mean().item(), "balanced", sum(recall) / 2)
