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
train_loader = DataLoader(TensorDataset(tokens[:500]), batch_size=50, shuffle=True)


class Model(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.embed = nn.Embedding(20, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, 20, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids):
        return self.head(self.rnn(self.embed(ids))[0])


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(4):
    for (ids,) in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
