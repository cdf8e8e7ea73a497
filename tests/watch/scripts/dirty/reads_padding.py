# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
lengths = torch.randint(3, 10, (160,))
words = torch.randint(1, 20, (160, 10))
words[torch.arange(10) >= lengths[:, None]] = 0
labels = (words[:, 0] > 9).long()
loader = DataLoader(TensorDataset(words, lengths, labels), batch_size=16, shuffle=True)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8, padding_idx=0)
        self.rnn = nn.LSTM(8, 8, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, words, lengths):
        states, _ = self.rnn(self.embed(words))
        last = states[:, -1]  # <- M115
        return self.head(last)


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(2):
    for w, n, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(w, n), y).backward()
        optimizer.step()
