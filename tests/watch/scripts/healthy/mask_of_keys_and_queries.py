# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
words = torch.randint(1, 12, (96, 8))
labels = (words[:, 0] > 6).long()
words[torch.arange(8) >= torch.randint(3, 8, (96, 1))] = 0
train_loader = DataLoader(TensorDataset(words, labels), batch_size=24, shuffle=True)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(12, 8)
        self.query, self.key = nn.Linear(8, 8), nn.Linear(8, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, words):
        h = self.embed(words)
        pad = words.eq(0)
        scores = self.query(h) @ self.key(h).transpose(1, 2)
        share = scores.masked_fill(pad[:, None, :], -1e9).softmax(-1)
        h = h + share.masked_fill(pad[:, :, None], 0.0) @ h
        return self.head(h[:, 0])


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(2):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
