import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
cancer = load_breast_cancer()
x = torch.tensor(cancer.data, dtype=torch.float32)
y = torch.tensor(cancer.target, dtype=torch.float32)
order = torch.randperm(len(x))
x, y = x[order], y[order]
x = (x - x[:450].mean(0)) / x[:450].std(0)
train_loader = DataLoader(TensorDataset(x[:450], y[:450]), batch_size=30, shuffle=True)
model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(6):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb).squeeze(1), yb)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
