"""Did the last payment exceed the first? Sequences of payments, each of its own customer."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(32)
STEPS = 10


def accounts(count):
    payments = torch.randn(count, STEPS, 1)
    return payments, (payments[:, -1, 0] > payments[:, 0, 0]).float()


class Ledger(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.rnn = nn.GRU(1, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, payments, state=None):
        out, state = self.rnn(payments, state)
        return self.head(out[:, -1]).squeeze(1), state


train = TensorDataset(*accounts(2560))
test_payments, test_above = accounts(500)
loader = DataLoader(train, batch_size=64, shuffle=True)
model = Ledger()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(12):
    model.train()
    state = None
    total = 0.0
    for payments, above in loader:
        logits, state = model(payments, state)
        state = state.detach()
        loss = criterion(logits, above)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")

model.eval()
with torch.no_grad():
    logits, _ = model(test_payments)
right = ((logits > 0) == (test_above > 0.5)).float().mean().item()
print(f"test accuracy {right:.3f}")
