"""A tag per word, read in both directions, with the padding behind the words as at evaluation."""

import torch
from torch import nn

torch.manual_seed(0)


class Tags(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(30, 12, padding_idx=0)
        self.both = nn.LSTM(12, 12, batch_first=True, bidirectional=True)
        self.head = nn.Linear(24, 3)

    def forward(self, words):
        return self.head(self.both(self.table(words))[0])


def batch():
    lengths = torch.randint(3, 11, (16, 1))
    words = torch.randint(1, 30, (16, 10)).masked_fill(torch.arange(10) >= lengths, 0)
    return words, torch.where(words > 0, words % 3, -100)


net = Tags()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(6):
    words, tags = batch()
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(words).transpose(1, 2), tags).backward()
    optimizer.step()
