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

series = torch.sin(torch.arange(600) / 9.0) + 0.1 * torch.randn(600)
windows = series.unfold(0, 13, 1)
x, y = windows[:, :12, None], windows[:, 12:]
train_loader = DataLoader(TensorDataset(x[:400], y[:400]), batch_size=32)
val_loader = DataLoader(TensorDataset(x[420:], y[420:]), batch_size=32)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(1, 12, num_layers=2, dropout=0.1, batch_first=True)
        self.head = nn.Linear(12, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(2):
    model.train()
    for a, b in train_loader:
        optimizer.zero_grad()
        F.mse_loss(model(a), b).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        sum(F.mse_loss(model(a), b).item() for a, b in val_loader)
