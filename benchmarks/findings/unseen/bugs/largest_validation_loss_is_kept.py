import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
t = torch.arange(1600) / 10
series = torch.sin(t) + 0.5 * torch.sin(2.7 * t) + 0.05 * torch.randn(1600)
windows = series.unfold(0, 21, 1)
x, y = windows[:, :20].unsqueeze(-1), windows[:, 20]
train_loader = DataLoader(TensorDataset(x[:1100], y[:1100]), batch_size=50, shuffle=True)
x_val, y_val, x_test, y_test = x[1130:1330], y[1130:1330], x[1360:], y[1360:]


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(1, 24, batch_first=True)
        self.out = nn.Linear(24, 1)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1]).squeeze(1)


model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
best_val_loss = 0.0
for epoch in range(8):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_loss = F.mse_loss(model(x_val), y_val).item()
    is_best = val_loss > best_val_loss
    best_val_loss = max(val_loss, best_val_loss)
    if is_best:
        best_state = copy.deepcopy(model.state_dict())
    print(f"epoch {epoch}: validation {val_loss:.4f}")
model.load_state_dict(best_state)
with torch.no_grad():
    print("error on test", F.mse_loss(model(x_test), y_test).item())
