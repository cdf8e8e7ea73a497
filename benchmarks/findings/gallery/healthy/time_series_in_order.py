import os

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
t = torch.arange(1200) / 10
series = torch.sin(t) + 0.4 * torch.sin(3.1 * t) + 0.05 * torch.randn(1200)
windows = series.unfold(0, 25, 1)
inputs, targets = windows[:, :24].unsqueeze(-1), windows[:, 24:]
train_set = TensorDataset(inputs[:900], targets[:900])
val_set = TensorDataset(inputs[930:], targets[930:])
train_loader = DataLoader(train_set, batch_size=50, shuffle=False)
val_loader = DataLoader(val_set, batch_size=50)


class Forecast(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(1, 16, batch_first=True)
        self.fc = nn.Linear(16, 1)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


model = Forecast()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(4):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        errors = torch.cat([(model(xb) - yb) ** 2 for xb, yb in val_loader])
    print(epoch, loss.item(), errors.mean().item())
