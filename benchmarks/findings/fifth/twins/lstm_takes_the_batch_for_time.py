import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(0)
digits = load_digits()
rows = torch.tensor(digits.images, dtype=torch.float32) / 16  # pictures, rows, pixels
dataset = TensorDataset(rows, torch.tensor(digits.target))
train_set, test_set = random_split(dataset, [1400, len(dataset) - 1400])


class RowReader(nn.Module):
    def __init__(self, pixels=8, hidden=48, classes=10):
        super().__init__()
        self.lstm = nn.LSTM(pixels, hidden, num_layers=1, batch_first=True)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1])


def run_epoch(model, loader, optimizer=None):
    model.train(optimizer is not None)
    right, total = 0, 0.0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            logits = model(x)
            loss = nn.functional.cross_entropy(logits, y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(y)
            right += (logits.argmax(1) == y).sum().item()
    return total / len(loader.dataset), right / len(loader.dataset)


train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
test_loader = DataLoader(test_set, batch_size=32)
model = RowReader()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(1, 9):
    train_loss, _ = run_epoch(model, train_loader, optimizer)
    test_loss, accuracy = run_epoch(model, test_loader)
    print(f"{epoch}: train {train_loss:.3f}  test {test_loss:.3f}  accuracy {accuracy:.3f}")
