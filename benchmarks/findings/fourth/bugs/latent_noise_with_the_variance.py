import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import mse_loss


class Autoencoder(nn.Module):
    """A variational autoencoder for 8x8 pictures."""

    def __init__(self, hidden=64, latent=6):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent))
        self.dec = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, 64))

    def reparametrize(self, mu, logvar):
        noise = torch.randn_like(mu)
        return mu + noise * logvar.exp()

    def forward(self, x):
        mu, logvar = self.enc(x).chunk(2, dim=1)
        return self.dec(self.reparametrize(mu, logvar)), mu, logvar


def loss_function(out, x, mu, logvar):
    reconstruction = mse_loss(out, x, reduction="sum") / (2 * 0.05)
    divergence = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
    return (reconstruction + divergence) / x.shape[0]


def run(seed=0, epochs=25):
    torch.manual_seed(seed)
    pictures = torch.tensor(load_digits().data / 16, dtype=torch.float32)
    train, test = pictures[:1500], pictures[1500:]
    model = Autoencoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(epochs):
        for idx in torch.randperm(len(train)).split(75):
            out, mu, logvar = model(train[idx])
            loss = loss_function(out, train[idx], mu, logvar)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1} loss {loss.item():.2f}")
    with torch.no_grad():
        out, mu, logvar = model(test)
        print(f"test loss {loss_function(out, test, mu, logvar).item():.2f}")
        print(f"mean variance of the code {logvar.exp().mean().item():.3f}")


run()
