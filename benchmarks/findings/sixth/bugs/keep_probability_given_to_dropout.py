"""Digits with a small dense net; the settings are those of an older script of ours."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(30)
HIDDEN, KEEP_PROB, LEARNING_RATE, BATCH = 48, 0.9, 2e-3, 50


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, HIDDEN)
        self.out = nn.Linear(HIDDEN, 10)
        self.dropout = nn.Dropout(KEEP_PROB)

    def forward(self, x):
        x = self.dropout(torch.relu(self.fc1(x)))
        x = self.dropout(torch.relu(self.fc2(x)))
        return self.out(x)


def main():
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x / 16.0, dtype=torch.float32)
    y = torch.tensor(y)
    train_id, test_id = train_test_split(range(len(y)), test_size=0.25, random_state=3)
    loader = DataLoader(TensorDataset(x[train_id], y[train_id]), batch_size=BATCH, shuffle=True)
    net = Dense()
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    for epoch in range(20):
        net.train()
        total = 0.0
        for inputs, target in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(inputs), target)
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")
    net.eval()
    with torch.no_grad():
        right = (net(x[test_id]).argmax(1) == y[test_id]).float().mean().item()
    print(f"test accuracy {right:.3f}")


if __name__ == "__main__":
    main()
