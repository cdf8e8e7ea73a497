# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
rows = torch.rand(320, 12)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Linear(12, 8), nn.Linear(4, 12)

    def forward(self, x):
        mu, logvar = self.down(x).chunk(2, 1)
        z = mu + torch.randn_like(mu) * (logvar / 2).exp()
        return torch.sigmoid(self.up(z)), mu, logvar


def elbo(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x, reduction="none").sum(1)
    kld = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1)
    return (bce + kld).mean(), kld.mean(), -bce.sum()


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
shown = 0.0
for epoch in range(3):
    for part in rows[torch.randperm(320)].split(32):
        loss, kld, recon = elbo(*(lambda out: (out[0], part, *out[1:]))(model(part)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shown += kld.item() + recon.item()
    print(f"epoch {epoch}: kld and reconstruction {shown:.3f}")
