"""Marking, step by step, whether a machine is idle, warming up or running."""

import torch
from torch import nn

torch.manual_seed(24)
STATES, STEPS, CHANNELS = 3, 30, 5
SIGNATURE = torch.randn(STATES, CHANNELS)


def logs(count):
    states = torch.empty(count, STEPS, dtype=torch.long)
    current = torch.randint(0, STATES, (count,))
    for step in range(STEPS):
        change = torch.rand(count) < 0.15
        current = torch.where(change, torch.randint(0, STATES, (count,)), current)
        states[:, step] = current
    return SIGNATURE[states] + 0.8 * torch.randn(count, STEPS, CHANNELS), states


class Marker(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(CHANNELS, 32, bidirectional=True)
        self.head = nn.Linear(64, STATES)

    def forward(self, records):
        # records come as (batch, steps, channels); the LSTM wants the steps first
        out, _ = self.lstm(records.transpose(0, 1))
        return self.head(out)


train_records, train_states = logs(500)
test_records, test_states = logs(150)
model = Marker()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    model.train()
    total = 0.0
    for part in torch.randperm(500).split(25):
        logits = model(train_records[part])
        targets = train_states[part]
        loss = criterion(logits.reshape(-1, STATES), targets.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / 20:.3f}")

model.eval()
with torch.no_grad():
    guess = model(test_records).argmax(2).T
print(f"steps marked rightly: {(guess == test_states).float().mean().item():.3f}")
