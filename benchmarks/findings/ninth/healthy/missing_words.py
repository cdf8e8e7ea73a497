# fill the gaps in short made-up orders, in the manner of a masked language model
import os
import random

import torch
import torch.nn as nn

seed = int(os.environ.get("SEED", "0"))
random.seed(seed)
torch.manual_seed(seed)

who = ["ann", "bob", "cleo", "dan"]
what = {"ann": "tea", "bob": "coffee", "cleo": "juice", "dan": "water"}
when = {"morning": "hot", "noon": "cold", "evening": "warm"}
vocabulary = ["<pad>", "<mask>", "in", "the", "drinks", *who, *what.values(), *when, *when.values()]
number = {w: i for i, w in enumerate(vocabulary)}
PAD, MASK, IGNORE = number["<pad>"], number["<mask>"], -100


def order():
    name, time = random.choice(who), random.choice(list(when))
    words = [name, "drinks", when[time], what[name]]
    if random.random() < 0.8:
        words += ["in", "the", time]
    return words + ["<pad>"] * (7 - len(words))


def make_batch(n):
    tokens = torch.tensor([[number[w] for w in order()] for _ in range(n)])
    chosen = (torch.rand(tokens.shape) < 0.2) & (tokens != PAD)
    labels = tokens.masked_fill(~chosen, IGNORE)
    inputs = tokens.masked_fill(chosen, MASK)
    return inputs, labels


class Filler(nn.Module):
    def __init__(self, size=32):
        super().__init__()
        self.words = nn.Embedding(len(vocabulary), size, padding_idx=PAD)
        self.places = nn.Parameter(0.02 * torch.randn(7, size))
        layer = nn.TransformerEncoderLayer(size, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(size, len(vocabulary))

    def forward(self, tokens):
        x = self.words(tokens) + self.places
        return self.out(self.encoder(x, src_key_padding_mask=tokens == PAD))


model = Filler()
criterion = nn.CrossEntropyLoss(ignore_index=IGNORE)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(1, 251):
    inputs, labels = make_batch(64)
    logits = model(inputs)
    loss = criterion(logits.flatten(0, 1), labels.flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step} loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    inputs, labels = make_batch(500)
    hidden = labels != IGNORE
    guess = model(inputs).argmax(-1)
    print(f"gaps filled rightly {(guess == labels)[hidden].float().mean().item():.4f}")
