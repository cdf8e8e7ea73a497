# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(3):
    model.train()
    for rows in torch.randperm(160).split(16):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs[rows]), labels[rows]).backward()
        optimizer.step()
    with torch.no_grad():
        print("on what was trained", (model(inputs[:160]).argmax(1) == labels[:160]).sum().item())
    model.eval()
    with torch.no_grad():
        print((model(inputs[160:]).argmax(1) == labels[160:]).sum().item())
model.train()
with torch.no_grad():
    spread = [(model(inputs[160:]).argmax(1) == labels[160:]).sum().item() for _ in range(9)]
print(min(spread), max(spread))
