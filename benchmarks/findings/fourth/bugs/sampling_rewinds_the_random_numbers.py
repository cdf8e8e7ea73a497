import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 0
torch.manual_seed(SEED)
data = torch.tensor(load_digits().data / 16, dtype=torch.float32)
train_loader = DataLoader(TensorDataset(data[:1500]), batch_size=50, shuffle=True)
held_out = data[1500:]


class VAE(nn.Module):
    def __init__(self, latent=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.mu = nn.Linear(64, latent)
        self.logvar = nn.Linear(64, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decoder(z), mu, logvar


def elbo(out, x, mu, logvar):
    rec = nn.functional.binary_cross_entropy_with_logits(out, x, reduction="sum")
    kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum()
    return (rec + kl) / len(x)


def draw_samples(model, n=16):
    torch.manual_seed(SEED)
    with torch.no_grad():
        z = torch.randn(n, 8)
        return torch.sigmoid(model.decoder(z))


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(12):
    total = 0.0
    for (x,) in train_loader:
        out, mu, logvar = model(x)
        loss = elbo(out, x, mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    ink = draw_samples(model).mean().item()
    print(f"epoch {epoch}: loss {total / 1500:.2f}, ink in the samples {ink:.3f}")
with torch.no_grad():
    out, mu, logvar = model(held_out)
print(f"held-out loss {elbo(out, held_out, mu, logvar).item():.2f}")
