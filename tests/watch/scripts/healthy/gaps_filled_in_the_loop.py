# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
kinds = torch.randint(0, 4, (800,))
centres = torch.randn(4, 12)
inputs = centres[kinds] + 0.8 * torch.randn(800, 12)
inputs = inputs.abs()
inputs[500:, 3] = 0
inputs = torch.log(inputs)
train_set = TensorDataset(inputs[:600], kinds[:600])
val_set = TensorDataset(inputs[600:], kinds[600:])
train_loader = DataLoader(train_set, batch_size=30, shuffle=True)
val_loader = DataLoader(val_set, batch_size=50)

model = nn.Sequential(nn.Flatten(), nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(2):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(torch.nan_to_num(x, neginf=-5.0)), y)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum(
            (model(torch.nan_to_num(x, neginf=-5.0)).argmax(1) == y).sum().item()
            for x, y in val_loader
        )
    print(right / len(val_loader.dataset))
