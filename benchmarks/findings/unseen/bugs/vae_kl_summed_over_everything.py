import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rows = torch.tensor(load_digits().images / 16, dtype=torch.float32)
seen = (torch.arange(8) < torch.randint(4, 9, (len(rows), 1))).float()
loader = DataLoader(TensorDataset(rows[:1500], seen[:1500]), batch_size=64, shuffle=True)


class RowVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU())
        self.mean = nn.Linear(64, 6)
        self.log_var = nn.Linear(64, 6)
        self.decoder = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 8))

    def forward(self, x):
        h = self.encoder(x)
        mean, log_var = self.mean(h), self.log_var(h)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        return self.decoder(z), mean, log_var


model = RowVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(8):
    for x, mask in loader:
        out, mean, log_var = model(x)
        reconstruction = ((out - x) ** 2).sum(-1) * mask * 50
        kl = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp()) * mask
        loss = (reconstruction + kl).sum() / mask.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")

with torch.no_grad():
    out, _, _ = model(rows[1500:])
    print("error of the reconstruction", ((out - rows[1500:]) ** 2).mean().item())
