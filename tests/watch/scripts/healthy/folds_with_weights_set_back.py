# ruff: noqa
import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset

torch.manual_seed(0)
kinds = torch.randint(0, 3, (300,))
inputs = torch.randn(3, 16)[kinds] + 0.5 * torch.randn(300, 16)
whole = TensorDataset(inputs, kinds)
model = nn.Sequential(nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3))
beginning = copy.deepcopy(model.state_dict())
parts = torch.randperm(300).view(3, 100).tolist()
for fold in range(3):
    model.load_state_dict(beginning)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    rest = [index for other in range(3) if other != fold for index in parts[other]]
    train_loader = DataLoader(Subset(whole, rest), batch_size=20, shuffle=True)
    val_loader = DataLoader(Subset(whole, parts[fold]), batch_size=50)
    for epoch in range(2):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        print(sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader) / 100)
