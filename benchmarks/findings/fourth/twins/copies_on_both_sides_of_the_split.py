import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn


def oversample(X, y, seed=0):
    """Repeat the rows of the rare class until both classes are the same size."""
    rare, common = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    extra = np.random.default_rng(seed).choice(rare, size=len(common) - len(rare))
    rows = np.concatenate([common, rare, extra])
    return X[rows], y[rows]


X, y = make_classification(
    n_samples=900, n_features=20, n_informative=8, weights=[0.9], class_sep=1.4, random_state=3
)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
X_train, y_train = oversample(X_train, y_train)

mean, std = X_train.mean(0), X_train.std(0)
x = torch.tensor((X_train - mean) / std, dtype=torch.float32)
t = torch.tensor(y_train, dtype=torch.float32)
x_test = torch.tensor((X_test - mean) / std, dtype=torch.float32)

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))
opt = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-4)
bce = nn.BCEWithLogitsLoss()
for epoch in range(20):
    for i in torch.randperm(len(x)).split(50):
        opt.zero_grad()
        loss = bce(net(x[i]), t[i])
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} loss {loss.item():.3f}")

with torch.no_grad():
    guess = (net(x_test) > 0).numpy().astype(int)
hit = ((guess == 1) & (y_test == 1)).sum()
print(f"precision {hit / max(guess.sum(), 1):.3f} recall {hit / y_test.sum():.3f}")
