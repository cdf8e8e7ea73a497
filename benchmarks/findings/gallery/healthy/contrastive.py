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
loader = DataLoader(TensorDataset(x[:1400]), batch_size=64, shuffle=True, drop_last=True)
encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
projector = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 16))
optimizer = torch.optim.Adam([*encoder.parameters(), *projector.parameters()], lr=1e-3)


def view(x):
    return x * (torch.rand_like(x) > 0.2) + 0.05 * torch.randn_like(x)


for epoch in range(3):
    for (xb,) in loader:
        a = F.normalize(projector(encoder(view(xb))), dim=1)
        b = F.normalize(projector(encoder(view(xb))), dim=1)
        z = torch.cat([a, b])
        similarity = z @ z.T / 0.3
        similarity = similarity.masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9)
        partner = torch.arange(len(z)).roll(len(a))
        optimizer.zero_grad()
        loss = F.cross_entropy(similarity, partner)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
