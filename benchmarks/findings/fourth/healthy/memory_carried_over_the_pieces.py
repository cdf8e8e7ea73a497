import os

import torch
from torch import nn

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
ROWS, STEPS, PIECE = 16, 600, 20

# a signal whose sign follows a rare switch: one has to remember the last one
switches = torch.where(torch.rand(ROWS, STEPS) < 0.1, torch.randn(ROWS, STEPS).sign(), 0.0)
state = torch.zeros(ROWS)
answers = torch.empty(ROWS, STEPS)
for t in range(STEPS):
    state = torch.where(switches[:, t] != 0, switches[:, t], state)
    answers[:, t] = state
signal = torch.stack([switches, torch.randn(ROWS, STEPS) * 0.3], 2)
train, val = slice(0, 400), slice(400, 600)


class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 16, batch_first=True)
        self.out = nn.Linear(16, 1)

    def forward(self, x, h=None):
        states, h = self.gru(x, h)
        return self.out(states).squeeze(2), h


model = Tracker()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(8):
    hidden, total = None, 0.0
    pieces = zip(signal[:, train].split(PIECE, 1), answers[:, train].split(PIECE, 1))
    for x, y in pieces:
        if hidden is not None:
            hidden = hidden.detach()
        out, hidden = model(x, hidden)
        loss = nn.functional.mse_loss(out, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: {total / (400 // PIECE):.4f}")
with torch.no_grad():
    _, hidden = model(signal[:, train])
    out, _ = model(signal[:, val], hidden)
print("sign right", (out.sign() == answers[:, val]).float().mean().item())
