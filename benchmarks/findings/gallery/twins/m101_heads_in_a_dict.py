import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
parity = y % 2
train_loader = DataLoader(
    TensorDataset(x[:1400], y[:1400], parity[:1400]), batch_size=50, shuffle=True
)


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(64, 32)
        self.heads = nn.ModuleDict(dict(digit=nn.Linear(32, 10), parity=nn.Linear(32, 2)))

    def forward(self, x):
        h = F.relu(self.body(x))
        return self.heads["digit"](h), self.heads["parity"](h)


model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    for xb, digit, odd in train_loader:
        out_digit, out_parity = model(xb)
        loss = F.cross_entropy(out_digit, digit) + F.cross_entropy(out_parity, odd)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
