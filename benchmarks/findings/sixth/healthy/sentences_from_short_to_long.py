"""Brackets open or closed? Short strings first, longer ones as the epochs go by; no shuffling within."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

torch.manual_seed(22)


def line(length):
    signs = torch.where(torch.rand(length) < 0.5, 1.0, -1.0)
    return signs.unsqueeze(1), float(signs.sum() > 0)


def lines(count, longest):
    return [line(2 * int(torch.randint(1, longest // 2 + 1, (1,))) + 1) for _ in range(count)]


class Counter(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.rnn = nn.GRU(1, width)
        self.head = nn.Linear(width, 1)

    def forward(self, rows):
        _, last = self.rnn(pack_sequence(rows, enforce_sorted=False))
        return self.head(last[0]).squeeze(1)


train = sorted(lines(1200, 30), key=lambda pair: len(pair[0]))
test = lines(400, 30)
model = Counter()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(10):
    model.train()
    share = min(1.0, 0.3 + 0.1 * epoch)
    part = train[: int(share * len(train))]
    total, batches = 0.0, 0
    for start in range(0, len(part), 40):
        rows, above = zip(*part[start : start + 40])
        loss = nn.functional.binary_cross_entropy_with_logits(model(rows), torch.tensor(above))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total, batches = total + loss.item(), batches + 1
    print(f"epoch {epoch}: up to {len(part[-1][0])} signs, loss {total / batches:.3f}")

model.eval()
rows, above = zip(*test)
with torch.no_grad():
    right = ((model(rows) > 0) == (torch.tensor(above) > 0.5)).float().mean().item()
print(f"test accuracy {right:.3f}")
