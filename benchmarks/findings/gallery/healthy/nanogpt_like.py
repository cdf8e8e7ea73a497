import os
import random

import torch
import torch.nn.functional as F
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = random.Random(SEED)
words = "the quick brown fox jumps over lazy dog and runs away from small red hen".split()
text = " ".join(rng.choices(words, k=1200))
letters = sorted(set(text))
data = torch.tensor([letters.index(c) for c in text])
cut = int(0.9 * len(data))
train_data, val_data = data[:cut], data[cut:]
block_size, width = 24, 32


def get_batch(data, size=32):
    ix = torch.randint(len(data) - block_size - 1, (size,))
    return (
        torch.stack([data[i : i + block_size] for i in ix]),
        torch.stack([data[i + 1 : i + 1 + block_size] for i in ix]),
    )


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1 = nn.LayerNorm(width)
        self.attn = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.ln2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (
            z.view(B, T, 2, C // 2).transpose(1, 2) for z in self.attn(self.ln1(x)).split(C, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).contiguous().view(B, T, C))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(len(letters), width)
        self.wpe = nn.Embedding(block_size, width)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, len(letters), bias=False)
        self.wte.weight = self.lm_head.weight
        nn.init.normal_(self.lm_head.weight, std=0.02)

    def forward(self, idx, targets=None):
        x = self.wte(idx) + self.wpe(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))
        return logits, loss


model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
for step in range(80):
    if step % 20 == 0:
        model.eval()
        with torch.no_grad():
            print(step, model(*get_batch(val_data))[1].item())
        model.train()
    logits, loss = model(*get_batch(train_data))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
