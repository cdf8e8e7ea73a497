import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.distributions import Normal
from torch.utils.data import DataLoader


class VAE(nn.Module):
    """VAE with a weight `kl_coeff` on the divergence term of the loss."""

    def __init__(self, input_dim=64, enc_out_dim=64, kl_coeff=0.1, latent_dim=6, lr=2e-3):
        super().__init__()
        self.lr = lr
        self.kl_coeff = kl_coeff
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(nn.Linear(input_dim, enc_out_dim), nn.ReLU())
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, enc_out_dim), nn.ReLU(), nn.Linear(enc_out_dim, input_dim)
        )
        self.fc_mu = nn.Linear(enc_out_dim, latent_dim)
        self.fc_var = nn.Linear(enc_out_dim, latent_dim)

    def sample(self, mu, log_var):
        std = torch.exp(log_var / 2)
        p = Normal(torch.zeros_like(mu), torch.ones_like(std))
        q = Normal(mu, std)
        return p, q, q.rsample()

    def step(self, x):
        h = self.encoder(x)
        p, q, z = self.sample(self.fc_mu(h), self.fc_var(h))
        x_hat = self.decoder(z)
        recon_loss = F.mse_loss(x_hat, x, reduction="none").sum(1).mean()
        kl = (q.log_prob(z) - p.log_prob(z)).sum(1).mean()
        loss = recon_loss + self.kl_coeff * kl
        return loss, {"recon_loss": recon_loss, "kl": kl, "loss": loss}

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def fit(model, train, val, epochs=20):
    optimizer = model.configure_optimizers()
    loader = DataLoader(train, batch_size=64, shuffle=True)
    for _epoch in range(epochs):
        model.train()
        for x in loader:
            loss, _ = model.step(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return {name: round(value.item(), 3) for name, value in model.step(val)[1].items()}


data = torch.tensor(load_digits().data / 16, dtype=torch.float32)
torch.manual_seed(0)
data = data[torch.randperm(len(data))]
print("spread of the data", round(data[1400:].var(0).sum().item(), 3))
for kl_coeff in (0.1, 0.01):
    torch.manual_seed(1234)
    logs = fit(VAE(kl_coeff=kl_coeff), data[:1400], data[1400:])
    print(f"kl_coeff {kl_coeff}: {logs}")
