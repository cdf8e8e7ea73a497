# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(160, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
loader = DataLoader(TensorDataset(inputs, labels), batch_size=16, shuffle=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 2)
        self.back = nn.Linear(16, 8)

    def forward(self, x):
        h = F.relu(self.body(x))
        return self.head(h), self.back(h)


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(2):
    for x, y in loader:
        optimizer.zero_grad()
        answer, again = model(x)
        loss = F.cross_entropy(answer, y)
        loss = 0.1 * F.mse_loss(again, x)  # <- R107
        loss.backward()
        optimizer.step()
