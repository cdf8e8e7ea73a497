# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(200, 8)
y = (x[:, 0] > 0).float()
names = [f"n{number}" for number in range(150, 200)]
train_loader = DataLoader(TensorDataset(x[:150], y[:150]), batch_size=25, shuffle=True)
test_loader = DataLoader(TensorDataset(x[150:], y[150:]), batch_size=25, shuffle=True)  # <- E110
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(4):
    for batch, goal in train_loader:
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(batch).squeeze(1), goal).backward()
        optimizer.step()
model.eval()
answers = []
with torch.no_grad():
    for batch, _ in test_loader:
        answers += (model(batch).squeeze(1) > 0).int().tolist()
table = dict(zip(names, answers))
print(len(table), "answers")
