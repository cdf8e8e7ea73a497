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
left = torch.randint(0, 1400, (1500,))
right = torch.where(torch.rand(1500) < 0.5, left.roll(1), torch.randint(0, 1400, (1500,)))
same = (y[left] == y[right]).float()
loader = DataLoader(TensorDataset(x[left], x[right], same), batch_size=50, shuffle=True)


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16))
        self.out = nn.Linear(16, 1)

    def forward(self, a, b):
        return self.out((self.encoder(a) - self.encoder(b)).abs()).squeeze(1)


model = Siamese()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    for a, b, target in loader:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(a, b), target)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
