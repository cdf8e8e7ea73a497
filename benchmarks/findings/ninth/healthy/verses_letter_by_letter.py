"""Letters of a made nursery rhyme: a small causal transformer with tied weights and padded lines."""

import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
IGNORE = -100


def verse(rng):
    who = rng.choice(["the cat", "a dog", "my hen", "the old goat"])
    does = rng.choice(["sat", "ran", "sang", "slept all day"])
    where = rng.choice(["on the hill", "by the sea", "at home", "under a tree"])
    return f"{who} {does} {where}."


class CharLM(nn.Module):
    def __init__(self, vocab, width=48, length=48):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.place = nn.Parameter(torch.randn(length, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, 4, 96, dropout=0.0, batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.to_vocab = nn.Linear(width, vocab, bias=False)
        nn.init.normal_(self.embed.weight, std=0.05)
        self.to_vocab.weight = self.embed.weight

    def forward(self, ids):
        n = ids.shape[1]
        later = torch.triu(torch.ones(n, n, dtype=torch.bool), diagonal=1)
        h = self.body(self.embed(ids) + self.place[:n], mask=later)
        return self.to_vocab(self.norm(h))


def main():
    rng = random.Random(SEED)
    torch.manual_seed(SEED)
    lines = [verse(rng) for _ in range(400)]
    letters = sorted(set("".join(lines)))
    stoi = {c: i + 2 for i, c in enumerate(letters)}
    itos = {i: c for c, i in stoi.items()}

    def batch(some):
        rows = [[1] + [stoi[c] for c in line] for line in some]
        longest = max(map(len, rows))
        inputs = torch.zeros(len(rows), longest - 1, dtype=torch.long)
        targets = torch.full((len(rows), longest - 1), IGNORE)
        for i, row in enumerate(rows):
            inputs[i, : len(row) - 1] = torch.tensor(row[:-1])
            targets[i, : len(row) - 1] = torch.tensor(row[1:])
        return inputs, targets

    model = CharLM(len(stoi) + 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(8):
        rng.shuffle(lines)
        total = 0.0
        for i in range(0, len(lines), 40):
            inputs, targets = batch(lines[i : i + 40])
            loss = F.cross_entropy(
                model(inputs).flatten(0, 1), targets.flatten(), ignore_index=IGNORE
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / 10:.3f}")

    ids = [1]
    model.eval()
    with torch.no_grad():
        while len(ids) < 45:
            p = F.softmax(model(torch.tensor([ids]))[0, -1], dim=-1)
            ids.append(torch.multinomial(p, 1).item())
            if itos.get(ids[-1]) == ".":
                break
    print("".join(itos.get(i, "") for i in ids))


if __name__ == "__main__":
    main()
