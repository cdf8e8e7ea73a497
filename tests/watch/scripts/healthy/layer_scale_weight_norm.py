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


def evaluate(model, loader):
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(1) == y).sum().item()
    return right / len(loader.dataset)


from torch.nn.utils.parametrizations import weight_norm


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = weight_norm(nn.Linear(16, 16))
        self.scale = nn.Parameter(torch.full((16,), 1e-5))

    def forward(self, x):
        return x + self.scale * F.gelu(self.linear(x))


model = nn.Sequential(nn.Linear(8, 16), Block(), Block(), nn.LayerNorm(16), nn.Linear(16, 2))
optimizer = torch.optim.AdamW(
    [
        {"params": model[0].parameters(), "lr": 1e-4},
        {"params": model[1:4].parameters(), "lr": 3e-4},
        {"params": model[4].parameters(), "lr": 1e-3},
    ]
)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
for epoch in range(3):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    print(evaluate(model, val_loader))
