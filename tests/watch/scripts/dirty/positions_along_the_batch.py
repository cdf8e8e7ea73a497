# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
tokens = torch.randint(0, 8, (96, 9))
labels = (tokens[:, 0] > 3).long()


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(8, 8)
        places = torch.arange(32).unsqueeze(1) * torch.tensor([1.0, 0.5, 0.25, 0.125])
        self.register_buffer("waves", torch.cat([places.sin(), places.cos()], 1).unsqueeze(1))
        self.attend = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.answer = nn.Linear(8, 2)

    def forward(self, ids):
        x = self.words(ids)
        x = x + self.waves[: x.shape[0]]  # <- M104 M120
        return self.answer(self.attend(x).mean(1))


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for x, y in DataLoader(TensorDataset(tokens, labels), batch_size=16, shuffle=True):
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
