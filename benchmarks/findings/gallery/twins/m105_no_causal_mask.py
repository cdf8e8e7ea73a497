import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
generator = torch.Generator().manual_seed(1)
successor = torch.randperm(20, generator=generator)
tokens = torch.randint(0, 20, (600, 17), generator=generator)
for t in range(1, 17):
    follow = torch.rand(600, generator=generator) < 0.8
    tokens[follow, t] = successor[tokens[follow, t - 1]]
train_loader = DataLoader(
    TensorDataset(tokens[:500, :-1], tokens[:500, 1:]), batch_size=50, shuffle=True
)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        scores = scores.masked_fill(
            torch.ones(x.shape[1], x.shape[1]).triu(1).bool(), float("-inf")
        )
        return x + self.proj(scores.softmax(-1) @ v)


class TinyGPT(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.token = nn.Embedding(20, width)
        self.place = nn.Embedding(16, width)
        self.block = Block(width)
        self.head = nn.Linear(width, 20)

    def forward(self, ids):
        h = self.token(ids) + self.place(torch.arange(ids.shape[1]))
        return self.head(self.block(h))


model = TinyGPT()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    for ids, target in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids).reshape(-1, 20), target.reshape(-1))
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
