"""Filling gaps in melodies: tokens are hidden at random and guessed from what stands around them."""

import torch
from torch import nn

torch.manual_seed(34)
TONES, LENGTH = 12, 16
HIDDEN = TONES  # the token that stands for a gap


def melodies(count):
    start = torch.randint(0, TONES, (count, 1))
    stride = torch.randint(1, 5, (count, 1))
    return (start + stride * torch.arange(LENGTH)) % TONES


class GapFiller(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.embed = nn.Embedding(TONES + 1, width)
        self.rnn = nn.GRU(width, 64, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, TONES))

    def forward(self, tokens):
        return self.head(self.rnn(self.embed(tokens))[0])


def hide(tokens, share=0.2):
    gaps = torch.rand(tokens.shape) < share
    return tokens.masked_fill(gaps, HIDDEN), gaps


model = GapFiller()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(1, 601):
    model.train()
    tokens = melodies(64)
    shown, gaps = hide(tokens)
    logits = model(tokens)
    loss = nn.functional.cross_entropy(logits[gaps], tokens[gaps])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 150 == 0:
        print(f"step {step}: loss {loss.item():.3f}")

model.eval()
tokens = melodies(300)
shown, gaps = hide(tokens)
with torch.no_grad():
    guess = model(shown).argmax(2)
print(f"gaps filled rightly: {(guess == tokens)[gaps].float().mean().item():.3f}")
