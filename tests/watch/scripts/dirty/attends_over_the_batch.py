# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.places = nn.Embedding(9, 8), nn.Embedding(6, 8)
        self.attend = nn.MultiheadAttention(8, 2)  # <- M104
        self.head = nn.Linear(8, 9)

    def forward(self, x):
        h = self.embed(x) + self.places(torch.arange(x.shape[1]))
        h = h + self.attend(h, h, h, need_weights=False)[0]
        return self.head(h)


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for step in range(20):
    x = torch.randint(0, 9, (16, 6))
    optimizer.zero_grad()
    F.cross_entropy(model(x).flatten(0, 1), x.flip(1).flatten()).backward()
    optimizer.step()
