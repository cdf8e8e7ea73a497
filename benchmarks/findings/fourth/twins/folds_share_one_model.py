import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch import nn, optim

X, y = load_wine(return_X_y=True)
rng = np.random.RandomState(5)
X = X + rng.normal(size=X.shape) * X.std(0) * 1.2
kfold = StratifiedKFold(n_splits=5, shuffle=True, random_state=0)


def make_model():
    return nn.Sequential(nn.Linear(13, 48), nn.ReLU(), nn.Linear(48, 3))


torch.manual_seed(0)
scores = []
for fold, (train_ids, val_ids) in enumerate(kfold.split(X, y)):
    model = make_model()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    scaler = StandardScaler().fit(X[train_ids])
    x_train = torch.from_numpy(scaler.transform(X[train_ids])).float()
    x_val = torch.from_numpy(scaler.transform(X[val_ids])).float()
    y_train, y_val = torch.from_numpy(y[train_ids]), torch.from_numpy(y[val_ids])
    for epoch in range(25):
        for part in torch.randperm(len(x_train)).split(16):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x_train[part]), y_train[part])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        hit = (model(x_val).argmax(1) == y_val).float().mean().item()
    scores.append(hit)
    print(f"fold {fold}: train loss {loss.item():.3f} accuracy {hit:.3f}")
print(f"cross-validated accuracy {np.mean(scores):.3f} +- {np.std(scores):.3f}")
