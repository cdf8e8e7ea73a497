import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
text = "the quick brown fox jumps over the lazy dog and runs away from the angry bear . " * 12
chars = sorted(set(text))
ids = torch.tensor([chars.index(c) for c in text])
T, C, H = 24, 32, 4


class Block(nn.Module):
    def __init__(self, dropout=0.3):
        super().__init__()
        self.dropout = dropout
        self.qkv = nn.Linear(C, 3 * C)
        self.proj = nn.Linear(C, C)
        self.mlp = nn.Sequential(nn.Linear(C, 4 * C), nn.GELU(), nn.Linear(4 * C, C))
        self.n1, self.n2 = nn.LayerNorm(C), nn.LayerNorm(C)

    def forward(self, x):
        B, n, _ = x.shape
        q, k, v = self.qkv(self.n1(x)).view(B, n, 3, H, C // H).permute(2, 0, 3, 1, 4)
        p = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(B, n, C))
        return x + self.mlp(self.n2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok, self.pos = nn.Embedding(len(chars), C), nn.Embedding(T, C)
        self.block, self.head = Block(), nn.Linear(C, len(chars))

    def forward(self, i):
        return self.head(self.block(self.tok(i) + self.pos(torch.arange(i.shape[1]))))


def batch(n=32):
    start = torch.randint(len(ids) - T - 1, (n,)).tolist()
    return torch.stack([ids[s : s + T] for s in start]), torch.stack(
        [ids[s + 1 : s + T + 1] for s in start]
    )


model = GPT()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
for _ in range(250):
    a, b = batch()
    loss = F.cross_entropy(model(a).flatten(0, 1), b.flatten())
    opt.zero_grad()
    loss.backward()
    opt.step()
model.eval()
a, b = batch(100)
with torch.no_grad():
    one, two = model(a), model(a)
print("eval loss", F.cross_entropy(one.flatten(0, 1), b.flatten()).item())
print("difference of two evaluations", (one - two).abs().max().item())
