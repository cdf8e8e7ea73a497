import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
train_dl = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=64, shuffle=True)
test_dl = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=64)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.7), nn.Linear(64, 10))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)


def train():
    model.train()
    for xb, yb in train_dl:
        opt.zero_grad()
        nn.functional.cross_entropy(model(xb), yb).backward()
        opt.step()


def test():
    correct = 0
    with torch.no_grad():
        for xb, yb in test_dl:
            correct += (model(xb).argmax(1) == yb).sum().item()
    return correct / len(test_dl.dataset)


for epoch in range(10):
    train()
    print(f"Test accuracy {test():.4f}")
print(f"once more {test():.4f}")
