import os

import torch
import torch.nn.functional as F
from torch import nn

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# The state goes on from batch to batch, detached; the series is not shuffled.
t = torch.arange(4040) / 8
series = torch.sin(t) * torch.sin(0.13 * t) + 0.02 * torch.randn(4040)
streams = series[:4000].view(10, 400)


class Next(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 24, batch_first=True)
        self.out = nn.Linear(24, 1)

    def forward(self, x, state):
        h, state = self.lstm(x.unsqueeze(-1), state)
        return self.out(h).squeeze(-1), state


model = Next()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    state = None
    for i in range(0, 380, 20):
        guess, state = model(streams[:8, i : i + 20], state)
        state = tuple(s.detach() for s in state)
        loss = F.mse_loss(guess, streams[:8, i + 1 : i + 21])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
with torch.no_grad():
    guess, _ = model(streams[8:, :-1], None)
    print("error", F.mse_loss(guess, streams[8:, 1:]).item())
