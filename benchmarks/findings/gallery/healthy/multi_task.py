import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
ink = x.mean(1)
loader = DataLoader(TensorDataset(x[:1400], y[:1400], ink[:1400]), batch_size=50, shuffle=True)


class TwoTasks(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(64, 32)
        self.digit = nn.Linear(32, 10)
        self.ink = nn.Linear(32, 1)
        self.log_scale = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        h = F.relu(self.body(x))
        return self.digit(h), self.ink(h).squeeze(1)


model = TwoTasks()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    for xb, digit, amount in loader:
        out_digit, out_ink = model(xb)
        losses = torch.stack([F.cross_entropy(out_digit, digit), F.mse_loss(out_ink, amount)])
        loss = (torch.exp(-model.log_scale) * losses + model.log_scale).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
