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
order = torch.randperm(len(x))
x, y = x[order], y[order]

# argmin and detach within the model; the gradient goes straight through (VQ-VAE).


class VQ(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
        self.codes = nn.Parameter(0.3 * torch.randn(16, 8))
        self.decoder = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        z = self.encoder(x).view(-1, 4, 8)
        nearest = torch.cdist(z, self.codes.expand(len(z), -1, -1)).argmin(-1)
        q = self.codes[nearest]
        cost = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        q = z + (q - z).detach()
        return self.decoder(q.flatten(1)), cost


model = VQ()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(25):
    for (xb,) in DataLoader(TensorDataset(x[:1400]), batch_size=50, shuffle=True):
        out, cost = model(xb)
        loss = F.mse_loss(out, xb) + cost
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print("error", F.mse_loss(model(x[1400:])[0], x[1400:]).item(), "of", x.var(0).mean().item())
