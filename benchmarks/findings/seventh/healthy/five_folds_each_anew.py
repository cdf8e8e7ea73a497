"""Cross-validation: in each fold a new net, a new optimizer and a scaler of its own."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

SEED = 10
X, y = load_breast_cancer(return_X_y=True)
folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=SEED)
scores, out_of_fold = [], np.zeros(len(y))

for fold, (train_idx, val_idx) in enumerate(folds.split(X, y)):
    # the same start for each fold, so that folds differ by their data only
    torch.manual_seed(SEED)
    scaler = StandardScaler().fit(X[train_idx])
    x_train = torch.tensor(scaler.transform(X[train_idx]), dtype=torch.float32)
    x_val = torch.tensor(scaler.transform(X[val_idx]), dtype=torch.float32)
    y_train = torch.tensor(y[train_idx], dtype=torch.float32)

    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    for epoch in range(25):
        model.train()
        for idx in torch.randperm(len(x_train)).split(32):
            logits = model(x_train[idx]).squeeze(1)
            loss = F.binary_cross_entropy_with_logits(logits, y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        out_of_fold[val_idx] = model(x_val).squeeze(1).sigmoid().numpy()
    scores.append(((out_of_fold[val_idx] > 0.5) == y[val_idx]).mean())
    print(f"fold {fold} accuracy {scores[-1]:.3f}")

print(f"mean {np.mean(scores):.3f} +- {np.std(scores):.3f}")
print(f"all out-of-fold predictions {((out_of_fold > 0.5) == y).mean():.3f}")
