"""A very small decoder-only transformer on made-up sentences."""

import random
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Config:
    d_model: int = 48
    n_heads: int = 4
    n_layers: int = 2
    batch_size: int = 64
    steps: int = 150
    lr: float = 3e-3
    seed: int = 5


SUBJECTS = {"dog": "barks", "cat": "sleeps", "bird": "sings", "fish": "swims", "horse": "runs"}
PLACES = ["here", "outside", "alone", "often"]


def sentence():
    animal = random.choice(list(SUBJECTS))
    return ["<s>", "the", random.choice(["old", "small"]), animal, SUBJECTS[animal],
            random.choice(PLACES), "</s>"]  # fmt: skip


WORDS = ["<s>", "</s>", "the", "old", "small", *SUBJECTS, *SUBJECTS.values(), *PLACES]
INDEX = {w: i for i, w in enumerate(WORDS)}


def batch(size):
    return torch.tensor([[INDEX[w] for w in sentence()] for _ in range(size)])


class TinyGPT(nn.Module):
    def __init__(self, vocab, cfg, max_len=16):
        super().__init__()
        self.token = nn.Embedding(vocab, cfg.d_model)
        self.position = nn.Embedding(max_len, cfg.d_model)
        layer = nn.TransformerEncoderLayer(
            cfg.d_model, cfg.n_heads, 4 * cfg.d_model, dropout=0.0, batch_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, cfg.n_layers)
        self.head = nn.Linear(cfg.d_model, vocab)

    def forward(self, tokens):
        length = tokens.size(1)
        mask = torch.triu(torch.full((length, length), float("-inf")), diagonal=1)
        x = self.token(tokens) + self.position(torch.arange(length))
        return self.head(self.blocks(x, mask=mask))


@torch.no_grad()
def generate(model, start, length=6):
    model.eval()
    tokens = torch.tensor([[INDEX[w] for w in start]])
    for _ in range(length):
        nxt = model(tokens)[:, -1].argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, nxt], dim=1)
        if nxt.item() == INDEX["</s>"]:
            break
    return " ".join(WORDS[i] for i in tokens[0].tolist())


def main(cfg):
    random.seed(cfg.seed)
    torch.manual_seed(cfg.seed)
    model = TinyGPT(len(WORDS), cfg)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
    for step in range(1, cfg.steps + 1):
        tokens = batch(cfg.batch_size)
        logits = model(tokens)
        loss = F.cross_entropy(logits[:, :-1].reshape(-1, len(WORDS)), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 25 == 0:
            print(f"step {step} loss {loss.item():.4f}")
    for animal in SUBJECTS:
        print(generate(model, ["<s>", "the", "old", animal]))


if __name__ == "__main__":
    main(Config())
