"""The vision part of a world model: a VAE of frames, here of digits."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(14)
Z_DIM, BATCH, EPOCHS, LR = 8, 64, 12, 2e-3

frames = torch.tensor(load_digits().images / 16, dtype=torch.float32).unsqueeze(1)
frames = F.interpolate(frames[torch.randperm(len(frames))], scale_factor=4, mode="bilinear")
train, val = frames[:1500], frames[1500:]


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 4, stride=4),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.mu = nn.Linear(512, Z_DIM)
        self.log_var = nn.Linear(512, Z_DIM)
        self.decoder = nn.Sequential(
            nn.Linear(Z_DIM, 512),
            nn.ReLU(),
            nn.Unflatten(1, (32, 4, 4)),
            nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 4, stride=4),
            nn.Sigmoid(),
        )

    def forward(self, x):
        h = self.encoder(x)
        mu, log_var = self.mu(h), self.log_var(h)
        z = mu + torch.exp(log_var / 2) * torch.randn_like(mu)
        return self.decoder(z), mu, log_var


def vae_r_loss(y_true, y_pred):
    return torch.sum((y_true - y_pred) ** 2, dim=(1, 2, 3)).mean()


def vae_kl_loss(mu, log_var):
    kl = -0.5 * torch.sum(1 + log_var - mu**2 - log_var.exp(), dim=1)
    return kl.mean()


def vae_loss(x, out):
    y, mu, log_var = out
    return vae_r_loss(x, y) + vae_kl_loss(mu, log_var)


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
for epoch in range(EPOCHS):
    model.train()
    for idx in torch.randperm(len(train)).split(BATCH):
        loss = vae_loss(train[idx], model(train[idx]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 4 == 3:
        model.eval()
        with torch.no_grad():
            y, mu, log_var = model(val)
        print(
            f"epoch {epoch + 1} loss {loss.item():.4f} val pixel error {((val - y) ** 2).mean():.4f}"
            f" kl {vae_kl_loss(mu, log_var):.4f}"
        )
