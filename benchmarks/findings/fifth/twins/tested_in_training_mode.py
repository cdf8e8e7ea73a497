import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

torch.manual_seed(3)
digits = load_digits()
pictures = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
dataset = TensorDataset(pictures, torch.tensor(digits.target))
order = torch.randperm(len(dataset)).tolist()
train_loader = DataLoader(Subset(dataset, order[:1200]), batch_size=40, shuffle=True)
test_loader = DataLoader(Subset(dataset, order[1200:]), batch_size=8)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.fc = nn.Sequential(
            nn.Linear(16 * 16, 64),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Dropout(0.4),
            nn.Linear(64, 10),
        )

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


def train(model, optimizer):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


def test(model):
    model.eval()
    right, total = 0, 0.0
    with torch.no_grad():
        for x, y in test_loader:
            out = model(x)
            total += nn.functional.cross_entropy(out, y, reduction="sum").item()
            right += (out.argmax(1) == y).sum().item()
    n = len(test_loader.dataset)
    return total / n, right / n


model = ConvNet()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(6):
    loss = train(model, optimizer)
    test_loss, accuracy = test(model)
    print(f"epoch {epoch}: loss {loss:.3f}, test loss {test_loss:.3f}, accuracy {accuracy:.3f}")
