import os

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
generator = torch.Generator().manual_seed(1)
successor = torch.randperm(20, generator=generator)
tokens = torch.randint(0, 20, (600, 17), generator=generator)
for t in range(1, 17):
    follow = torch.rand(600, generator=generator) < 0.8
    tokens[follow, t] = successor[tokens[follow, t - 1]]
loader = DataLoader(TensorDataset(tokens[:500, :16]), batch_size=50, shuffle=True)
MASK = 20


class Masked(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.embed = nn.Embedding(21, width)
        self.place = nn.Embedding(16, width)
        layer = nn.TransformerEncoderLayer(width, 2, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.head = nn.Linear(width, 20)

    def forward(self, ids):
        h = self.embed(ids) + self.place(torch.arange(ids.shape[1]))
        return self.head(self.encoder(h))


model = Masked()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    model.train()
    for (ids,) in loader:
        chosen = torch.rand(ids.shape) < 0.15
        target = ids.masked_fill(~chosen, -100)
        optimizer.zero_grad()
        logits = model(ids.masked_fill(chosen, MASK))
        loss = F.cross_entropy(logits.reshape(-1, 20), target.reshape(-1))
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
