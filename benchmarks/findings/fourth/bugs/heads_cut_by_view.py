import math

import torch
from torch import nn


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def split(self, t):
        b, n, d = t.shape
        return t.reshape(b, self.heads, n, d // self.heads)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = (self.split(t) for t in self.qkv(x).chunk(3, dim=-1))
        weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, n, d))


class Model(nn.Module):
    """Says for each letter whether the same letter is found elsewhere in the word."""

    def __init__(self, letters=12, length=8, dim=32, heads=4):
        super().__init__()
        self.letters = nn.Embedding(letters, dim)
        self.places = nn.Parameter(0.1 * torch.randn(1, length, dim))
        self.attention = SelfAttention(dim, heads)
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, words):
        x = self.letters(words) + self.places
        x = self.norm(x + self.attention(x))
        return self.out(x).squeeze(-1)


def draw(n):
    words = torch.randint(0, 12, (n, 8))
    same = words.unsqueeze(2) == words.unsqueeze(1)
    return words, (same.sum(2) > 1).float()


torch.manual_seed(0)
train_words, train_marks = draw(2000)
test_words, test_marks = draw(400)
model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(6):
    for idx in torch.randperm(2000).split(50):
        logits = model(train_words[idx])
        loss = nn.functional.binary_cross_entropy_with_logits(logits, train_marks[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        hits = ((model(test_words) > 0) == test_marks.bool()).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {hits:.3f}")
