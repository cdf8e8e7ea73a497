# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:160], labels[:160]), batch_size=16, shuffle=True)


class Weighted(nn.Module):
    """Two losses with learned variances."""

    def __init__(self):
        super().__init__()
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, losses):
        return sum(torch.exp(-v) * loss + v for v, loss in zip(self.log_vars, losses))


body = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
kind, size = nn.Linear(16, 2), nn.Linear(16, 1)
weighted, scale = Weighted(), nn.Parameter(torch.tensor(1.0))
optimizer = torch.optim.Adam(  # <- O101
    [*body.parameters(), *kind.parameters(), *size.parameters()], lr=1e-2
)
for epoch in range(4):
    for x, y in train_loader:
        inner = body(x)
        first = F.cross_entropy(scale * kind(inner), y)
        second = F.mse_loss(size(inner).squeeze(1), x.sum(1))
        loss = weighted([first, second])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
