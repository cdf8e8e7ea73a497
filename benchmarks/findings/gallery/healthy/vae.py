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
train_loader = DataLoader(TensorDataset(x[:1400]), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(x[1400:]), batch_size=100)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 40)
        self.mu = nn.Linear(40, 6)
        self.logvar = nn.Linear(40, 6)
        self.fc3 = nn.Linear(6, 40)
        self.fc4 = nn.Linear(40, 64)

    def forward(self, x):
        h = F.relu(self.fc1(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


def loss_function(out, x, mu, logvar):
    reconstruction = F.binary_cross_entropy(out, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return reconstruction + divergence


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    model.train()
    total = 0.0
    for (xb,) in train_loader:
        optimizer.zero_grad()
        out, mu, logvar = model(xb)
        loss = loss_function(out, xb, mu, logvar)
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        held_out = 0.0
        for (xb,) in val_loader:
            out, mu, logvar = model(xb)
            held_out += loss_function(out, xb, mu, logvar).item()
    print(epoch, total / 1400, held_out / len(x[1400:]))
