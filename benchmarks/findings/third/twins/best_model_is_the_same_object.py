import copy

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(3)
data = load_breast_cancer()
X = torch.tensor(StandardScaler().fit_transform(data.data[:200]), dtype=torch.float32)
Y = torch.tensor(data.target[:200], dtype=torch.float32).unsqueeze(1)
flip = torch.rand(80, 1) < 0.25
Ytrain = torch.where(flip, 1 - Y[:80], Y[:80])

model = nn.Sequential(nn.Linear(30, 128), nn.ReLU(), nn.Linear(128, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.BCEWithLogitsLoss()
best_model = model
best_loss = float("inf")
for epoch in range(150):
    optimizer.zero_grad()
    loss = criterion(model(X[:80]), Ytrain)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        val_loss = criterion(model(X[80:140]), Y[80:140]).item()
    if val_loss < best_loss:
        best_loss = val_loss
        best_model = copy.deepcopy(model)
print(f"best validation loss seen {best_loss:.4f}")
with torch.no_grad():
    print(
        f"validation loss of the kept model {criterion(best_model(X[80:140]), Y[80:140]).item():.4f}"
    )
    print(f"test loss {criterion(best_model(X[140:]), Y[140:]).item():.4f}")
