"""Are there more pluses than minuses in a line of signs? A packed GRU over lines of any length."""

import random

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

random.seed(0)
torch.manual_seed(0)
PLUS, MINUS, BLANK = 1, 2, 3


def make_line():
    line = random.choices([PLUS, MINUS, BLANK], k=random.randint(3, 15))
    if line.count(PLUS) == line.count(MINUS):
        line.append(random.choice([PLUS, MINUS]))
    return torch.tensor(line), int(line.count(PLUS) > line.count(MINUS))


def collate(batch):
    lines, labels = zip(*batch)
    lengths = torch.tensor([len(line) for line in lines])
    return pad_sequence(lines, batch_first=True), lengths, torch.tensor(labels)


class SignReader(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.embed = nn.Embedding(4, 8, padding_idx=0)
        self.rnn = nn.GRU(8, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 2)

    def forward(self, tokens, lengths):
        lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(self.embed(tokens[order]), lengths, batch_first=True)
        _, state = self.rnn(packed)
        return self.out(state[-1])


train = DataLoader([make_line() for _ in range(1500)], 50, shuffle=True, collate_fn=collate)
test = DataLoader([make_line() for _ in range(500)], 50, collate_fn=collate)
model = SignReader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(6):
    model.train()
    for tokens, lengths, labels in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(tokens, lengths), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    hits = 0
    with torch.no_grad():
        for tokens, lengths, labels in test:
            hits += (model(tokens, lengths).argmax(1) == labels).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {hits / 500:.3f}")
