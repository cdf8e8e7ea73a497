import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
USE_SCHEDULER = False
t = torch.linspace(0, 1, 24)
speed, phase = 4 + 12 * torch.rand(800, 1), 6.28 * torch.rand(800, 1)
x = torch.sin(speed * t + phase).unsqueeze(-1)
loader = DataLoader(TensorDataset(x[:700]), batch_size=50, shuffle=True)


class SequenceAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.GRU(1, 24, batch_first=True)
        self.latent = nn.Linear(24, 4)
        self.decoder = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 24))

    def forward(self, x):
        _, h = self.encoder(x)
        return self.decoder(self.latent(h[-1])).unsqueeze(-1)


model = SequenceAutoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
if USE_SCHEDULER:
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.2)
else:
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0)

for epoch in range(16):
    for (xb,) in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(xb), xb)
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(f"epoch {epoch}: loss {loss.item():.4f}")
with torch.no_grad():
    print("error on new sequences", F.mse_loss(model(x[700:]), x[700:]).item())
