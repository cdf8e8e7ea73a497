import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

VAL_STEP = 10

torch.manual_seed(3)
X, y = load_digits(return_X_y=True)
x_tr, x_va, y_tr, y_va = train_test_split(X / 16.0, y, test_size=0.25, random_state=3, stratify=y)
train_loader = DataLoader(
    TensorDataset(torch.FloatTensor(x_tr), torch.LongTensor(y_tr)), batch_size=32, shuffle=True
)
val_loader = DataLoader(
    TensorDataset(torch.FloatTensor(x_va), torch.LongTensor(y_va)), batch_size=128
)

model = nn.Sequential(
    nn.Linear(64, 128),
    nn.BatchNorm1d(128),
    nn.ReLU(),
    nn.Dropout(0.4),
    nn.Linear(128, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def validate():
    model.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for xb, yb in val_loader:
            correct += (model(xb).argmax(dim=1) == yb).sum().item()
            total += yb.size(0)
    return correct / total


seen = 0
for epoch in range(6):
    model.train()
    running = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(yb)
        seen += 1
        if seen % VAL_STEP == 0:
            score = validate()
    print(f"epoch {epoch} loss {running / len(x_tr):.4f} val {score:.4f}")
print("final", validate())
