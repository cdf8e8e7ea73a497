import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
table = load_breast_cancer()
x_train, x_val, y_train, y_val = train_test_split(
    table.data, table.target, test_size=0.3, random_state=0, stratify=table.target
)
scaler = StandardScaler().fit(x_train)
x_train = torch.tensor(scaler.transform(x_train), dtype=torch.float32)
x_val = torch.tensor(scaler.transform(x_val), dtype=torch.float32)
y_train, y_val = torch.tensor(y_train).float(), torch.tensor(y_val).float()
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=32)

model = nn.Sequential(
    nn.Linear(30, 32),
    nn.BatchNorm1d(32),
    nn.ReLU(),
    nn.Dropout(0.7),
    nn.Linear(32, 16),
    nn.ReLU(),
    nn.Dropout(0.7),
    nn.Linear(16, 1),
)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for epoch in range(10):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb).squeeze(1), yb)
        loss.backward()
        optimizer.step()

    model.eval()
    with torch.no_grad():
        total, right = 0.0, 0
        for xb, yb in val_loader:
            out = model(xb).squeeze(1)
            total += criterion(out, yb).item() * len(xb)
            right += ((out > 0) == (yb == 1)).sum().item()
    print(f"epoch {epoch}: validation {total / len(y_val):.3f}, accuracy {right / len(y_val):.3f}")
