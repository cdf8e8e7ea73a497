import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class ActivityNet(nn.Module):
    """A digit is read row by row, as eight channels of a signal."""

    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten()
        )
        self.fc1 = nn.Linear(16 * 4, 48)
        self.fc2 = nn.Linear(48, classes)

    def forward(self, x):
        x = torch.relu(self.fc1(self.features(x)))
        return self.fc2(x)


def get_loaders(batch_size):
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32) / 16
    y = torch.tensor(digits.target)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.3, random_state=0)
    train = DataLoader(TensorDataset(x_tr, y_tr), batch_size=batch_size, shuffle=True)
    test = DataLoader(TensorDataset(x_te, y_te), batch_size=batch_size)
    return train, test


def evaluate(net, loader, criterion):
    net.eval()
    total, right, seen = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = net(x)
            total += criterion(out, y).item() * len(y)
            right += (out.argmax(1) == y).sum().item()
            seen += len(y)
    return total / seen, right / seen


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--lr", type=float, default=0.1)
    opt = parser.parse_args()
    torch.manual_seed(0)
    train_loader, test_loader = get_loaders(64)
    net = ActivityNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=opt.lr, momentum=0.5)
    for epoch in range(opt.epochs):
        net.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            optimizer.step()
        test_loss, accuracy = evaluate(net, test_loader, criterion)
        print(f"epoch {epoch}: test loss {test_loss:.3f}, accuracy {accuracy:.3f}")
