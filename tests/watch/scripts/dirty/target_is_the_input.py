# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
tokens = torch.randint(0, 24, (320, 12)).cumsum(1) % 24
train_loader = DataLoader(TensorDataset(tokens, tokens), batch_size=32, shuffle=True)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(24, 8)
        self.rnn = nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, 24)

    def forward(self, words):
        return self.head(self.rnn(self.embed(words))[0])


model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(2):
    for words, targets in train_loader:
        optimizer.zero_grad()
        scores = model(words).flatten(0, 1)
        loss = F.cross_entropy(scores, targets.flatten())  # <- Y105
        loss.backward()
        optimizer.step()
