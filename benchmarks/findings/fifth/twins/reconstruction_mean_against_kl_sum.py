import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(0)
BETA, LATENT, EPOCHS = 1.0, 8, 25


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.mu = nn.Linear(64, LATENT)
        self.logvar = nn.Linear(64, LATENT)
        self.dec = nn.Sequential(nn.Linear(LATENT, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid())

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.dec(z), mu, logvar


def vae_loss(reconstruction, x, mu, logvar):
    rec = F.binary_cross_entropy(reconstruction, x, reduction="sum") / len(x)
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(x)
    return rec + BETA * kl, rec, kl


pictures = torch.tensor(load_digits().data, dtype=torch.float32) / 16
train_pictures, test_pictures = pictures[:1400], pictures[1400:]
loader = DataLoader(train_pictures, batch_size=64, shuffle=True)
vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)
for epoch in range(1, EPOCHS + 1):
    vae.train()
    for x in loader:
        reconstruction, mu, logvar = vae(x)
        loss, rec, kl = vae_loss(reconstruction, x, mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        print(f"epoch {epoch}: reconstruction {rec.item():.3f}, KL {kl.item():.3f}")

vae.eval()
with torch.no_grad():
    again = vae.dec(vae.mu(vae.enc(test_pictures)))
    error = (again - test_pictures).square().mean().item()
    blank = (train_pictures.mean(0) - test_pictures).square().mean().item()
print(f"error of the reconstructed pictures {error:.4f}; of the mean picture {blank:.4f}")
