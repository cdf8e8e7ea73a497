import os

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def make(n):
    """Mark the steps at which the sum so far is above zero."""
    items = []
    for length in torch.randint(3, 20, (n,)).tolist():
        x = torch.randn(length, 1)
        items.append((x, (x.cumsum(0) > 0).float().squeeze(1)))
    return items


def collate(items):
    xs, ys = zip(*items)
    lengths = torch.tensor([len(x) for x in xs])
    return pad_sequence(xs, True), pad_sequence(ys, True), lengths


class Marker(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(1, 24, batch_first=True)
        self.out = nn.Linear(24, 1)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.rnn(packed)[0], True, total_length=x.shape[1])
        return self.out(states).squeeze(2)


train, val = make(600), make(150)
model = Marker()
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
bce = nn.BCEWithLogitsLoss(reduction="none")
for epoch in range(6):
    for part in torch.randperm(600).split(30):
        x, y, lengths = collate([train[i] for i in part.tolist()])
        real = (torch.arange(x.shape[1]) < lengths.unsqueeze(1)).float()
        loss = (bce(model(x, lengths), y) * real).sum() / real.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.4f}")
x, y, lengths = collate(val)
real = torch.arange(x.shape[1]) < lengths.unsqueeze(1)
with torch.no_grad():
    right = ((model(x, lengths) > 0) == (y > 0.5))[real].float().mean().item()
print(f"accuracy of the real steps {right:.3f}")
