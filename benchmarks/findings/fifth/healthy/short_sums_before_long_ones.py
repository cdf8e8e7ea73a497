"""Curriculum: a GRU adds up short rows of numbers first, then longer and longer ones."""

import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
LONGEST = 12


def rows(count, length):
    values = torch.randint(0, 2, (count, length)).float()
    return values.unsqueeze(-1), values.sum(1) / LONGEST


class Adder(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.rnn = nn.GRU(1, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        _, state = self.rnn(x)
        return self.head(state[-1]).squeeze(1)


model = Adder()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for stage in range(3, LONGEST + 1, 3):
    model.train()
    for _ in range(70):
        length = int(torch.randint(1, stage + 1, (1,)))
        x, y = rows(64, length)
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        errors = []
        for length in range(1, LONGEST + 1):
            x, y = rows(200, length)
            errors.append((model(x) - y).abs().mean().item() * LONGEST)
    print(f"up to {stage}: mean error {sum(errors) / len(errors):.3f}, longest {errors[-1]:.3f}")
