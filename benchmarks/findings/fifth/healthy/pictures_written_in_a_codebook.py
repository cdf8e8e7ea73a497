"""A vector-quantised autoencoder: detached sums copy the gradient past the nearest code."""

import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
CODES, WIDTH, PLACES = 32, 8, 4


class Codebook(nn.Module):
    def __init__(self):
        super().__init__()
        self.codes = nn.Parameter(0.3 * torch.randn(CODES, WIDTH))

    def forward(self, z):
        nearest = torch.cdist(z.detach().flatten(0, 1), self.codes.detach()).argmin(1)
        chosen = self.codes[nearest].view_as(z)
        loss = F.mse_loss(chosen, z.detach()) + 0.25 * F.mse_loss(z, chosen.detach())
        return z + (chosen - z).detach(), loss, nearest


class VQ(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, PLACES * WIDTH))
        self.book = Codebook()
        self.decode = nn.Sequential(
            nn.Linear(PLACES * WIDTH, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid()
        )

    def forward(self, x):
        z, loss, used = self.book(self.encode(x).view(-1, PLACES, WIDTH))
        return self.decode(z.flatten(1)), loss, used


pictures = torch.tensor(load_digits().data, dtype=torch.float32) / 16
pictures = pictures[torch.randperm(len(pictures))]
train, test = pictures[:1400], pictures[1400:]
model = VQ()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(1, 16):
    model.train()
    for x in train[torch.randperm(1400)].split(50):
        again, book_loss, _ = model(x)
        loss = F.mse_loss(again, x) + 0.5 * book_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        model.eval()
        with torch.no_grad():
            again, _, used = model(test)
        error = F.mse_loss(again, test).item()
        print(f"epoch {epoch}: test error {error:.4f}, codes in use {used.unique().numel()}")
