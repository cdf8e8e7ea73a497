import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class VAE(nn.Module):
    def __init__(self, latent=6):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.mu = nn.Linear(64, latent)
        self.logvar = nn.Linear(64, latent)
        self.dec = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.dec(z), mu, logvar


torch.manual_seed(0)
x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
vae = VAE()
opt = torch.optim.Adam(vae.parameters(), lr=2e-3)
for epoch in range(20):
    for xb in x[torch.randperm(len(x))].split(64):
        rec, mu, logvar = vae(xb)
        recon = F.binary_cross_entropy_with_logits(rec, xb, reduction="sum")
        kl = 0.5 * (mu**2 + logvar.exp() - logvar - 1).sum()
        loss = (recon + kl) / len(xb)
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    rec, mu, logvar = vae(x)
    elbo = F.binary_cross_entropy_with_logits(rec, x, reduction="sum")
    elbo = elbo - 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
    print("mean spread of the codes", logvar.exp().sqrt().mean().item())
    print("negative ELBO per image", elbo.item() / len(x))
