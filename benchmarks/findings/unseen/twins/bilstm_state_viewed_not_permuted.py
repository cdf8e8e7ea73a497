import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]
train_loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=50, shuffle=True)
test_loader = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=50)


class BiLSTM(nn.Module):
    def __init__(self, n_hidden=32):
        super().__init__()
        self.n_hidden = n_hidden
        self.lstm = nn.LSTM(8, n_hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * n_hidden, 10)

    def forward(self, rows):
        _, (final_state, _) = self.lstm(rows)
        hidden = final_state.permute(1, 0, 2).reshape(-1, self.n_hidden * 2)
        return self.out(hidden)


model = BiLSTM()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(6):
    for xb, yb in train_loader:
        loss = F.cross_entropy(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")
with torch.no_grad():
    right = [(model(xb).argmax(1) == yb).float() for xb, yb in test_loader]
print("accuracy", torch.cat(right).mean().item())
