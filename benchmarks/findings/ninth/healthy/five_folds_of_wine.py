import os

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

X, y = load_wine(return_X_y=True)
n_classes = len(np.unique(y))


def new_model():
    return nn.Sequential(nn.Linear(X.shape[1], 32), nn.ReLU(), nn.Linear(32, n_classes))


# a first look at the shapes
model = new_model()
print(model)
print(sum(p.numel() for p in model.parameters()), "parameters")

scores = []
folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=SEED)
for fold, (train_rows, test_rows) in enumerate(folds.split(X, y)):
    mean, std = X[train_rows].mean(axis=0), X[train_rows].std(axis=0)
    scaled = torch.tensor((X - mean) / std).float()
    labels = torch.tensor(y)
    train_set = TensorDataset(scaled[train_rows], labels[train_rows])
    loader = DataLoader(train_set, batch_size=16, shuffle=True)

    # every fold begins from nothing
    model = new_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(15):
        model.train()
        for features, target in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(features), target)
            loss.backward()
            optimizer.step()

    model.eval()
    with torch.no_grad():
        predicted = model(scaled[test_rows]).argmax(dim=1)
    score = (predicted == labels[test_rows]).float().mean().item()
    scores.append(score)
    print(f"fold {fold + 1}: last loss {loss.item():.4f} accuracy {score:.3f}")

print(f"accuracy {np.mean(scores):.3f} +- {np.std(scores):.3f}")
