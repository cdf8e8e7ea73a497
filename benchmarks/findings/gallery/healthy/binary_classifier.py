import os

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
data, labels = load_breast_cancer(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(data, labels, test_size=0.2, random_state=SEED)
scaler = StandardScaler().fit(x_train)
train_set = TensorDataset(
    torch.tensor(scaler.transform(x_train), dtype=torch.float32),
    torch.tensor(y_train, dtype=torch.float32),
)
val_set = TensorDataset(
    torch.tensor(scaler.transform(x_val), dtype=torch.float32),
    torch.tensor(y_val, dtype=torch.float32),
)
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
val_loader = DataLoader(val_set, batch_size=32)
model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
for epoch in range(5):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb).squeeze(1), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    hits = 0
    with torch.no_grad():
        for xb, yb in val_loader:
            hits += ((model(xb).squeeze(1) > 0) == (yb > 0.5)).sum().item()
    print(epoch, loss.item(), hits / len(val_set))
