"""A GRU learns to write short weather reports, letter by letter."""

import random

import torch
from torch import nn

random.seed(1)
torch.manual_seed(1)
SKIES = ["sunny", "cloudy", "rainy", "foggy"]
PLACES = ["in the north", "in the south", "near the coast", "over the hills"]
text = " ".join(f"{random.choice(SKIES)} {random.choice(PLACES)}." for _ in range(500))
letters = sorted(set(text))
number = {letter: i for i, letter in enumerate(letters)}
codes = torch.tensor([number[letter] for letter in text])
train_codes, test_codes = codes[:-1500], codes[-1500:]
WINDOW = 40


def get_batch(source, size=32):
    starts = torch.randint(0, len(source) - WINDOW - 1, (size,))
    pieces = torch.stack([source[s : s + WINDOW + 1] for s in starts])
    return pieces[:, :-1], pieces[:, :-1]


class Writer(nn.Module):
    def __init__(self, size, width=48):
        super().__init__()
        self.embed = nn.Embedding(size, 16)
        self.gru = nn.GRU(16, width, batch_first=True)
        self.head = nn.Linear(width, size)

    def forward(self, x, state=None):
        out, state = self.gru(self.embed(x), state)
        return self.head(out), state


model = Writer(len(letters))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for step in range(1, 161):
    model.train()
    x, y = get_batch(train_codes)
    logits, _ = model(x)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 40 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    guess = model(test_codes[None, :-1])[0].argmax(-1)[0]
    print(f"next letter right: {(guess == test_codes[1:]).float().mean().item():.3f}")
    token, state, written = torch.tensor([[number["s"]]]), None, "s"
    for _ in range(60):
        logits, state = model(token, state)
        token = torch.multinomial(logits[:, -1].softmax(-1), 1)
        written += letters[token.item()]
print(written)
