"""Whole patients are left out in each fold; training stops early by an inner split and goes back to its best."""

import copy
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import GroupKFold, GroupShuffleSplit

SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)

# twenty visits of each of sixty patients; patients differ in level
patients = np.repeat(np.arange(60), 20)
level = rng.normal(0, 1.5, (60, 12))[patients]
X = (level + rng.normal(0, 1, (1200, 12))).astype(np.float32)
y = ((X[:, 0] - X[:, 1] + X[:, 2] * X[:, 3] > 0) ^ (rng.random(1200) < 0.08)).astype(np.int64)


def tensors(index, mean, std):
    return torch.tensor((X[index] - mean) / std), torch.tensor(y[index])


def fit_one(train, val, patience=6, max_epochs=60):
    mean, std = X[train].mean(0), X[train].std(0)
    x_train, y_train = tensors(train, mean, std)
    x_val, y_val = tensors(val, mean, std)
    net = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=2)
    best_loss, best_state, waited = float("inf"), None, 0
    for epoch in range(max_epochs):
        net.train()
        for idx in torch.randperm(len(x_train)).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x_train[idx]), y_train[idx]).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            val_loss = nn.functional.cross_entropy(net(x_val), y_val).item()
        scheduler.step(val_loss)
        if val_loss < best_loss:
            best_loss, best_state, waited = val_loss, copy.deepcopy(net.state_dict()), 0
        else:
            waited += 1
            if waited > patience:
                break
    net.load_state_dict(best_state)
    return net.eval(), mean, std, epoch + 1


scores = []
for fold, (rest, test) in enumerate(GroupKFold(n_splits=4).split(X, y, groups=patients)):
    torch.manual_seed(SEED + fold)
    inner = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=SEED)
    train_pos, val_pos = next(inner.split(X[rest], y[rest], groups=patients[rest]))
    net, mean, std, epochs = fit_one(rest[train_pos], rest[val_pos])
    x_test, y_test = tensors(test, mean, std)
    with torch.no_grad():
        scores.append((net(x_test).argmax(1) == y_test).float().mean().item())
    print(f"fold {fold} epochs {epochs} accuracy {scores[-1]:.3f}")
print(f"mean {np.mean(scores):.3f} spread {np.std(scores):.3f}")
