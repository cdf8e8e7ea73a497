"""Rare lesions: the penalty of each class comes from how often it occurs."""

import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(19)

X, y = make_classification(
    n_samples=3000,
    n_features=12,
    n_informative=6,
    weights=[0.93, 0.07],
    class_sep=0.9,
    flip_y=0.02,
    random_state=19,
)
X_train, X_val, y_train, y_val = train_test_split(X, y, stratify=y, random_state=19)
train_set = TensorDataset(torch.tensor(X_train).float(), torch.tensor(y_train))
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
X_val, y_val = torch.tensor(X_val).float(), torch.tensor(y_val)


def get_class_imbalance_weights(loader, n_classes=2):
    abs_counts = dict.fromkeys(range(n_classes), 0)
    for _, label in loader:
        for c in range(n_classes):
            abs_counts[c] += int((label == c).sum())
    total = sum(abs_counts.values())
    penalty_dict = {c: abs_counts[c] / total for c in abs_counts}
    return torch.tensor([penalty_dict[c] for c in range(n_classes)])


penalties = get_class_imbalance_weights(train_loader)
print("penalties", penalties)
model = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss(weight=penalties)

for epoch in range(15):
    model.train()
    train_loss = 0.0
    for features, label in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(features), label)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)

    model.eval()
    with torch.no_grad():
        predicted = model(X_val).argmax(1)
    sensitivity = (predicted[y_val == 1] == 1).float().mean().item()
    specificity = (predicted[y_val == 0] == 0).float().mean().item()
    if epoch % 3 == 2:
        print(
            f"epoch {epoch + 1:2d} loss {train_loss:.4f} sensitivity {sensitivity:.3f} "
            f"specificity {specificity:.3f} balanced {(sensitivity + specificity) / 2:.3f}"
        )
