"""A small transformer: does the word 'not' (1) stand before the word 'good' (2)?"""

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
WORDS, LENGTH, WIDTH = 20, 10, 32


def sentences(count):
    tokens = torch.randint(3, WORDS, (count, LENGTH))
    places = torch.stack([torch.randperm(LENGTH)[:2] for _ in range(count)])
    tokens.scatter_(1, places, torch.tensor([[1, 2]]).expand(count, 2))
    return TensorDataset(tokens, (places[:, 0] < places[:, 1]).long())


class PositionalEncoding(nn.Module):
    def __init__(self, width, max_len=500):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(1000.0) / width))
        pe = torch.zeros(max_len, 1, width)
        pe[:, 0, 0::2] = torch.sin(position * frequency)
        pe[:, 0, 1::2] = torch.cos(position * frequency)
        self.register_buffer("pe", pe)

    def forward(self, x):
        x = x + self.pe[: x.size(1)].transpose(0, 1)
        return x


class SentenceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(WORDS, WIDTH)
        self.places = PositionalEncoding(WIDTH)
        self.layer = nn.TransformerEncoderLayer(WIDTH, 4, 64, dropout=0.0, batch_first=True)
        self.out = nn.Linear(WIDTH, 2)

    def forward(self, tokens):
        h = self.layer(self.places(self.embed(tokens)))
        return self.out(h.mean(dim=1))


train_loader = DataLoader(sentences(2000), batch_size=50, shuffle=True)
test_loader = DataLoader(sentences(500), batch_size=50)
model = SentenceNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(5):
    model.train()
    for tokens, label in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(tokens), label)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(t).argmax(1) == y).sum().item() for t, y in test_loader)
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {right / 500:.3f}")
