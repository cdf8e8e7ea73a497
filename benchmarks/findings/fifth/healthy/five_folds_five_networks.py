import os

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
features, benign = load_breast_cancer(return_X_y=True)


def tensors(x, y):
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


def fit(x, y):
    net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    net.train()
    for _ in range(10):
        for batch, answer in loader:
            optimizer.zero_grad()
            logits = net(batch).squeeze(1)
            nn.functional.binary_cross_entropy_with_logits(logits, answer).backward()
            optimizer.step()
    return net.eval()


out_of_fold = np.zeros(len(benign))
folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=SEED)
for number, (train, test) in enumerate(folds.split(features, benign)):
    scaler = StandardScaler().fit(features[train])
    net = fit(*tensors(scaler.transform(features[train]), benign[train]))
    x_test, y_test = tensors(scaler.transform(features[test]), benign[test])
    with torch.no_grad():
        chance = torch.sigmoid(net(x_test).squeeze(1))
    out_of_fold[test] = chance.numpy()
    print(f"fold {number}: accuracy {((chance > 0.5) == y_test.bool()).float().mean().item():.3f}")
print(f"all the folds together {((out_of_fold > 0.5) == benign).mean():.3f}")
