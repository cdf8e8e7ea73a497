# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
lengths = torch.randint(3, 13, (320, 1))
tokens = torch.randint(1, 24, (320, 12))
tokens[torch.arange(12) >= lengths] = 0
tags = torch.where(tokens > 0, tokens % 4 + 1, 0)
train_loader = DataLoader(TensorDataset(tokens, tags), batch_size=32, shuffle=True)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(24, 8, padding_idx=0)
        self.rnn = nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, words):
        return self.head(self.rnn(self.embed(words))[0])


model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(2):
    for words, targets in train_loader:
        optimizer.zero_grad()
        scores = model(words).flatten(0, 1)
        loss = F.cross_entropy(scores, targets.flatten())  # <- Y107
        loss.backward()
        optimizer.step()
