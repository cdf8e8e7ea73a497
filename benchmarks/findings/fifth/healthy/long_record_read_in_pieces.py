"""Truncated backpropagation: eight long records side by side, read in order, state carried on."""

import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
STREAMS, LENGTH, PIECE = 8, 1200, 40


def records():
    """The answer is the product of the signs three and one steps ago."""
    signs = torch.where(torch.rand(STREAMS, LENGTH + 3) < 0.5, -1.0, 1.0)
    answer = (signs[:, :LENGTH] * signs[:, 2 : LENGTH + 2] > 0).float()
    return signs[:, 3:].unsqueeze(-1), answer


class Reader(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.rnn = nn.LSTM(1, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, x, state=None):
        out, state = self.rnn(x, state)
        return self.head(out).squeeze(-1), state


def detach(state):
    return tuple(part.detach() for part in state)


train_x, train_y = records()
test_x, test_y = records()
model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(7):
    model.train()
    state, total = None, 0.0
    for x, y in zip(train_x.split(PIECE, dim=1), train_y.split(PIECE, dim=1)):
        logits, state = model(x, state)
        state = detach(state)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        right = ((model(test_x)[0] > 0) == test_y.bool()).float().mean().item()
    print(f"epoch {epoch}: loss {total / (LENGTH // PIECE):.3f}, accuracy {right:.3f}")
