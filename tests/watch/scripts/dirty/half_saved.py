# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(inputs[160:], labels[160:]), batch_size=16)
import io

body = nn.Sequential(nn.Linear(8, 64), nn.ReLU())
head = nn.Linear(64, 2)
model = nn.Sequential(body, head)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(2):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
file = io.BytesIO()
torch.save(body.state_dict(), file)
file.seek(0)
again = nn.Sequential(nn.Sequential(nn.Linear(8, 64), nn.ReLU()), nn.Linear(64, 2))
again[0].load_state_dict(torch.load(file))  # <- A103: hold the random values
again.eval()
with torch.no_grad():
    print([(again(x).argmax(1) == y).sum().item() for x, y in val_loader])
