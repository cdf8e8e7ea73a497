# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)


class Best:
    """Every epoch is better here, so what is loaded back happens to be the last."""

    def __init__(self):
        self.figure, self.state = -1, None

    def offer(self, figure, model):
        if figure > self.figure:
            self.figure = figure
            self.state = {"weights": model.state_dict()}  # <- A101


model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
best = Best()
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    best.offer(epoch, model)
model.load_state_dict(best.state["weights"])
