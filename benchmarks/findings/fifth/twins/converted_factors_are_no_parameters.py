"""Matrix factorisation of made ratings; everything is counted in double precision."""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)
READERS, BOOKS, TASTES = 150, 80, 3
reader_taste = rng.normal(0, 1, (READERS, TASTES))
book_taste = rng.normal(0, 1, (BOOKS, TASTES))
book_level = rng.normal(0, 0.3, BOOKS)
reader, book = np.nonzero(rng.random((READERS, BOOKS)) < 0.35)
rating = 3 + book_level[book] + (reader_taste[reader] * book_taste[book]).sum(1) / 2
rating += rng.normal(0, 0.2, len(rating))

order = rng.permutation(len(rating))
cut = int(0.8 * len(order))
reader, book, rating = (torch.from_numpy(a[order]) for a in (reader, book, rating))


class Factors(nn.Module):
    def __init__(self, rank=4):
        super().__init__()
        self.reader = nn.Parameter(0.1 * torch.randn(READERS, rank, dtype=torch.float64))
        self.book = nn.Parameter(0.1 * torch.randn(BOOKS, rank, dtype=torch.float64))
        self.reader_level = nn.Parameter(torch.zeros(READERS, dtype=torch.float64))
        self.book_level = nn.Parameter(torch.zeros(BOOKS, dtype=torch.float64))
        self.middle = nn.Parameter(torch.tensor(3.0, dtype=torch.float64))

    def forward(self, reader, book):
        agreement = (self.reader[reader] * self.book[book]).sum(1)
        return self.middle + self.reader_level[reader] + self.book_level[book] + agreement


model = Factors()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-4)
for epoch in range(40):
    model.train()
    for part in torch.randperm(cut).split(256):
        optimizer.zero_grad()
        loss = (model(reader[part], book[part]) - rating[part]).square().mean()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        model.eval()
        with torch.no_grad():
            miss = model(reader[cut:], book[cut:]) - rating[cut:]
        rmse = miss.square().mean().sqrt().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}, held-out RMSE {rmse:.3f}")
