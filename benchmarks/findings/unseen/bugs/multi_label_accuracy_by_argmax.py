import torch
from sklearn.datasets import make_multilabel_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = make_multilabel_classification(
    n_samples=1500, n_features=20, n_classes=6, n_labels=3, allow_unlabeled=False, random_state=0
)
x = torch.tensor(x, dtype=torch.float32)
x = (x - x[:1200].mean(0)) / x[:1200].std(0)
y = torch.tensor(y, dtype=torch.float32)
train_loader = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=50, shuffle=True)
test_loader = DataLoader(TensorDataset(x[1200:], y[1200:]), batch_size=100)


def accuracy_multilabel(y_pred, y_true):
    y_pred = y_pred.sigmoid()
    outputs = y_pred.argmax(dim=1)
    real_vals = y_true.argmax(dim=1)
    return (outputs == real_vals).float().mean().item()


model = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 6))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(10):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = [accuracy_multilabel(model(xb), yb) for xb, yb in test_loader]
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {sum(scores) / len(scores):.3f}")
