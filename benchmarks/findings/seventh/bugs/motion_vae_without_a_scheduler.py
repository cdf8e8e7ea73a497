"""A recurrent VAE of animal motion with a scheduler that can be switched off in the config."""

import torch
import torch.nn as nn
from torch.optim.lr_scheduler import StepLR

torch.manual_seed(8)
cfg = {"num_features": 6, "time_window": 15, "zdims": 16, "hidden": 48, "max_epochs": 24,
       "batch_size": 64, "lr": 5e-3, "scheduler": 0, "scheduler_step_size": 4, "kl": 1e-4}  # fmt: skip


def motion(n):
    t = torch.linspace(0, 3, cfg["time_window"])[None, :, None]
    freq = 1 + 2 * torch.rand(n, 1, 1)
    phase = 6.28 * torch.rand(n, 1, cfg["num_features"])
    return torch.sin(freq * t + phase) + 0.05 * torch.randn(n, cfg["time_window"], 6)


class RNN_VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.GRU(cfg["num_features"], cfg["hidden"], batch_first=True)
        self.hidden_to_mu = nn.Linear(cfg["hidden"], cfg["zdims"])
        self.hidden_to_logvar = nn.Linear(cfg["hidden"], cfg["zdims"])
        self.decoder = nn.GRU(cfg["zdims"], cfg["hidden"], batch_first=True)
        self.out = nn.Linear(cfg["hidden"], cfg["num_features"])

    def forward(self, x):
        _, h = self.encoder(x)
        mu, logvar = self.hidden_to_mu(h[-1]), self.hidden_to_logvar(h[-1])
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp() if self.training else mu
        steps = z.unsqueeze(1).expand(-1, cfg["time_window"], -1)
        return self.out(self.decoder(steps)[0]), mu, logvar


def train_model():
    train, test = motion(1000), motion(300)
    model = RNN_VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg["lr"], amsgrad=True)
    if cfg["scheduler"]:
        scheduler = StepLR(optimizer, step_size=cfg["scheduler_step_size"], gamma=0.7)
    else:
        scheduler = StepLR(optimizer, step_size=cfg["scheduler_step_size"], gamma=0)

    for epoch in range(cfg["max_epochs"]):
        model.train()
        for idx in torch.randperm(len(train)).split(cfg["batch_size"]):
            x = train[idx]
            recon, mu, logvar = model(x)
            kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1).mean()
            loss = (recon - x).pow(2).mean() + cfg["kl"] * kl
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        if epoch % 4 == 3:
            model.eval()
            with torch.no_grad():
                mse = (model(test)[0] - test).pow(2).mean()
            print(f"epoch {epoch + 1} train loss {loss.item():.4f} test mse {mse:.4f}")


train_model()
