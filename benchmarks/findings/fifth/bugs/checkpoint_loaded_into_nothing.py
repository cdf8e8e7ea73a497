"""Train within a wrapper, save, and use the bare network elsewhere."""

import os
import tempfile

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
data = load_digits()
x = torch.tensor(data.data, dtype=torch.float32) / 16
y = torch.tensor(data.target)
order = torch.randperm(len(x))
train_rows, test_rows = order[:1300], order[1300:]


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 64)
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))


class Task(nn.Module):
    """Holds the network together with its loss and its optimizer."""

    def __init__(self):
        super().__init__()
        self.model = DigitNet()
        self.criterion = nn.CrossEntropyLoss()

    def training_step(self, x, y):
        return self.criterion(self.model(x), y)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def train(path):
    task = Task()
    optimizer = task.configure_optimizers()
    for epoch in range(10):
        task.train()
        for part in torch.randperm(len(train_rows)).split(64):
            rows = train_rows[part]
            optimizer.zero_grad()
            loss = task.training_step(x[rows], y[rows])
            loss.backward()
            optimizer.step()
    print(f"training ended with loss {loss.item():.3f}")
    torch.save({"epoch": epoch, "state_dict": task.state_dict()}, path)


def predict(path):
    checkpoint = torch.load(path, weights_only=True)
    net = DigitNet()
    net.load_state_dict(checkpoint["state_dict"], strict=False)
    net.eval()
    with torch.no_grad():
        return net(x[test_rows]).argmax(1)


with tempfile.TemporaryDirectory() as folder:
    checkpoint_path = os.path.join(folder, "digits.pt")
    train(checkpoint_path)
    answers = predict(checkpoint_path)
print(f"accuracy of the loaded network {(answers == y[test_rows]).float().mean().item():.3f}")
