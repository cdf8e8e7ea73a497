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


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Linear(8, 16)
        self.back = nn.Linear(16, 8)
        self.head = nn.Linear(16, 2)
        self.shifts = nn.ParameterList([nn.Parameter(torch.zeros(16)) for _ in range(2)])

    def forward(self, x):
        hidden = F.relu(self.trunk(x) + self.shifts[0]) + self.shifts[1]
        return self.back(hidden), self.head(hidden)


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    model.train()
    for x, y in train_loader:
        back, logits = model(x)
        loss = F.mse_loss(back, x) + 0.3 * F.cross_entropy(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        for x, y in val_loader:
            model(x)
