import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(42)

BATCH_SIZE = 64
LATENT_DIM = 6
EPOCHS = 25
LR = 2e-3

images = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
train_set, test_set = random_split(TensorDataset(images), [1500, len(images) - 1500])
train_loader = DataLoader(train_set, batch_size=BATCH_SIZE, shuffle=True)
test_loader = DataLoader(test_set, batch_size=BATCH_SIZE)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.fc_mu = nn.Linear(128, LATENT_DIM)
        self.fc_logvar = nn.Linear(128, LATENT_DIM)
        self.fc3 = nn.Linear(LATENT_DIM, 128)
        self.fc4 = nn.Linear(128, 64)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        if not self.training:
            return mu
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def vae_loss(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x, reduction="none").mean(dim=1)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)
    return (bce + kld).mean(), kld.mean()


model = VAE()
optimizer = optim.Adam(model.parameters(), lr=LR)

for epoch in range(1, EPOCHS + 1):
    model.train()
    train_loss = train_kld = 0.0
    for (x,) in train_loader:
        optimizer.zero_grad()
        recon, mu, logvar = model(x)
        loss, kld = vae_loss(recon, x, mu, logvar)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(x)
        train_kld += kld.item() * len(x)
    if epoch % 5 == 0:
        n = len(train_set)
        print(f"====> Epoch {epoch}: loss {train_loss / n:.4f} (kld {train_kld / n:.4f})")

model.eval()
error = 0.0
pictures = []
with torch.no_grad():
    for (x,) in test_loader:
        recon, _, _ = model(x)
        error += F.mse_loss(recon, x, reduction="sum").item()
        pictures.append(recon)
    samples = model.decode(torch.randn(16, LATENT_DIM))
print(f"test reconstruction error per pixel {error / len(test_set) / 64:.4f}")
print(f"spread between reconstructions {torch.cat(pictures).std(dim=0).mean():.4f}")
print("first sample:\n", (samples[0].view(8, 8) * 16).round().int())
