import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
everything = TensorDataset(x[:900], y[:900])
scores = []
for fold, (train_index, val_index) in enumerate(
    KFold(3, shuffle=True, random_state=SEED).split(x[:900])
):
    train_loader = DataLoader(Subset(everything, train_index.tolist()), batch_size=50, shuffle=True)
    val_loader = DataLoader(Subset(everything, val_index.tolist()), batch_size=100)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(3):
        model.train()
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        hits = torch.cat([(model(xb).argmax(1) == yb).float() for xb, yb in val_loader])
    scores.append(hits.mean().item())
    print(fold, scores[-1])
