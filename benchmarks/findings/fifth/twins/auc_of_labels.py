import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from torch import nn

NETWORKS = {
    "logistic": lambda: nn.Linear(25, 1),
    "small": lambda: nn.Sequential(nn.Linear(25, 16), nn.ReLU(), nn.Linear(16, 1)),
    "large": lambda: nn.Sequential(nn.Linear(25, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 1)),
}


def load(seed=0):
    x, y = make_classification(
        3000, 25, n_informative=6, weights=[0.88], class_sep=0.8, flip_y=0.03, random_state=seed
    )
    x_train, x_test, y_train, y_test = train_test_split(x, y, stratify=y, random_state=seed)
    mean, std = x_train.mean(0), x_train.std(0)
    scaled = [((a - mean) / std).astype(np.float32) for a in (x_train, x_test)]
    return torch.from_numpy(scaled[0]), torch.from_numpy(scaled[1]), y_train, y_test


def fit(net, x, y, epochs=12):
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    loss_fn = nn.BCEWithLogitsLoss()
    y = torch.tensor(y, dtype=torch.float32)
    net.train()
    for _ in range(epochs):
        for part in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss = loss_fn(net(x[part]).squeeze(1), y[part])
            loss.backward()
            optimizer.step()


def report(name, net, x, y):
    net.eval()
    with torch.no_grad():
        probability = torch.sigmoid(net(x)).squeeze(1).numpy()
    prediction = (probability > 0.5).astype(int)
    accuracy = accuracy_score(y, prediction)
    auc = roc_auc_score(y, probability)
    print(f"{name:10} accuracy {accuracy:.3f}  ROC AUC {auc:.3f}")


x_train, x_test, y_train, y_test = load()
for name, build in NETWORKS.items():
    torch.manual_seed(0)
    net = build()
    fit(net, x_train, y_train)
    report(name, net, x_test, y_test)
