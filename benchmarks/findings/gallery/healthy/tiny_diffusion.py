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
loader = DataLoader(TensorDataset(x[:1400] * 2 - 1), batch_size=64, shuffle=True)
steps = 50
alphas = torch.cumprod(1 - torch.linspace(1e-4, 0.1, steps), dim=0)


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.time = nn.Embedding(steps, 64)
        self.net = nn.Sequential(nn.Linear(128, 64), nn.SiLU(), nn.Linear(64, 64))

    def forward(self, x, t):
        return self.net(torch.cat([x, self.time(t)], dim=1))


model = Denoiser()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    for (xb,) in loader:
        t = torch.randint(0, steps, (len(xb),))
        noise = torch.randn_like(xb)
        a = alphas[t].unsqueeze(1)
        optimizer.zero_grad()
        loss = F.mse_loss(model(a.sqrt() * xb + (1 - a).sqrt() * noise, t), noise)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
