# Transformer encoder without nn.Transformer: read eight symbols, write them in reverse order.
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)

VOCAB, LENGTH, WIDTH, HEADS, LAYERS = 12, 8, 48, 4, 2


class SelfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.head_dim = width // heads
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def split(self, x):
        n, t, _ = x.shape
        return x.view(n, self.heads, t, self.head_dim)

    def merge(self, x):
        n, _, t, _ = x.shape
        return x.reshape(n, t, self.heads * self.head_dim)

    def forward(self, x):
        q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
        scores = q @ k.transpose(-2, -1) / math.sqrt(self.head_dim)
        weights = F.softmax(scores, dim=-1)
        return self.proj(self.merge(weights @ v))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, WIDTH)
        self.positions = nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.ModuleList([Block(WIDTH, HEADS) for _ in range(LAYERS)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCAB)

    def forward(self, idx):
        x = self.tokens(idx) + self.positions(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def get_batch(size=64):
    x = torch.randint(0, VOCAB, (size, LENGTH))
    return x, x.flip(1)


model = Transformer()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

for step in range(1, 301):
    x, y = get_batch()
    logits = model(x)
    loss = F.cross_entropy(logits.view(-1, VOCAB), y.view(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    x, y = get_batch(500)
    accuracy = (model(x).argmax(-1) == y).float().mean().item()
print(f"symbols in the right place: {accuracy:.3f}")
