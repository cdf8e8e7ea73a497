"""A vector-quantised autoencoder: straight-through gradient and two one-sided losses."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

SEED = 20
torch.manual_seed(SEED)
X = torch.tensor(load_digits().data / 16, dtype=torch.float32)
X = X[torch.randperm(len(X))]
train, test = X[:1400], X[1400:]
PARTS, DIM, CODES = 8, 4, 32


class Quantizer(nn.Module):
    def __init__(self):
        super().__init__()
        self.book = nn.Embedding(CODES, DIM)
        nn.init.uniform_(self.book.weight, -0.5, 0.5)

    def forward(self, z):
        flat = z.view(-1, DIM)
        index = torch.cdist(flat, self.book.weight).argmin(1)
        q = self.book(index).view_as(z)
        loss = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(q.detach(), z)
        # forward the code, backward as if nothing had been there
        return z + (q - z).detach(), loss, index


class VQVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, PARTS * DIM))
        self.quantizer = Quantizer()
        self.decoder = nn.Sequential(nn.Linear(PARTS * DIM, 96), nn.ReLU(), nn.Linear(96, 64))

    def forward(self, x):
        q, loss, index = self.quantizer(self.encoder(x))
        return self.decoder(q), loss, index


model = VQVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(20):
    model.train()
    for idx in torch.randperm(len(train)).split(50):
        recon, vq_loss, _ = model(train[idx])
        loss = F.mse_loss(recon, train[idx]) / train.var() + vq_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        model.eval()
        with torch.no_grad():
            recon, _, index = model(test)
        error, spread = F.mse_loss(recon, test), (test - train.mean(0)).pow(2).mean()
        print(
            f"epoch {epoch + 1} error {error:.4f} of {spread:.4f}, codes used {len(index.unique())}"
        )
