import torch
from torch import nn

LETTERS, LENGTH = 10, 16


def chain(n, generator):
    """Each letter is followed by one of three, chosen at random."""
    rows = torch.empty(n, LENGTH + 1, dtype=torch.long)
    rows[:, 0] = torch.randint(0, LETTERS, (n,), generator=generator)
    for i in range(LENGTH):
        jump = torch.tensor([1, 3, 4])[torch.randint(0, 3, (n,), generator=generator)]
        rows[:, i + 1] = (rows[:, i] + jump) % LETTERS
    return rows


class TinyGPT(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.token = nn.Embedding(LETTERS, dim)
        self.position = nn.Embedding(LENGTH, dim)
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2)
        self.unembed = nn.Linear(dim, LETTERS)

    def forward(self, ids):
        steps = ids.shape[1]
        h = self.token(ids) + self.position(torch.arange(steps))
        return self.unembed(self.blocks(h))


def next_letter_loss(model, rows):
    logits = model(rows[:, :-1])
    return nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


torch.manual_seed(0)
g = torch.Generator().manual_seed(0)
train_rows, test_rows = chain(800, g), chain(200, g)
model = TinyGPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(5):
    model.train()
    for idx in torch.randperm(800).split(40):
        loss = next_letter_loss(model, train_rows[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print(f"epoch {epoch}: {loss.item():.3f} test {next_letter_loss(model, test_rows):.3f}")

with torch.no_grad():
    words = test_rows[:, :4]
    for _ in range(8):
        words = torch.cat([words, model(words)[:, -1:].argmax(-1)], 1)
jumps = (words[:, 4:] - words[:, 3:-1]) % LETTERS
print(f"lawful letters {torch.isin(jumps, torch.tensor([1, 3, 4])).float().mean():.3f}")
