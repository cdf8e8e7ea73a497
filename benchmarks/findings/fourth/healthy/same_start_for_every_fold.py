import os

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import KFold
from torch import nn

SEED = int(os.environ.get("SEED", 0))
X, y = load_breast_cancer(return_X_y=True)


def fit_and_score(train, test, width):
    torch.manual_seed(SEED)  # the widths are compared from the same start and in the same order
    mean, std = X[train].mean(0), X[train].std(0)
    x = torch.tensor((X - mean) / std, dtype=torch.float32)
    t = torch.tensor(y)
    net = nn.Sequential(nn.Linear(30, width), nn.ReLU(), nn.Linear(width, 2))
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(6):
        for part in torch.randperm(len(train)).split(32):
            rows = torch.from_numpy(train)[part]
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(x[rows]), t[rows])
            loss.backward()
            opt.step()
    with torch.no_grad():
        return (net(x[test]).argmax(1) == t[test]).float().mean().item()


folds = list(KFold(5, shuffle=True, random_state=SEED).split(X))
for width in (2, 16):
    scores = [fit_and_score(train, test, width) for train, test in folds]
    print(f"width {width}: accuracy {np.mean(scores):.3f} +- {np.std(scores):.3f}")
