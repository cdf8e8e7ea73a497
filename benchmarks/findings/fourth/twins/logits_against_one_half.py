import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

NAMES = ["even", "above five", "has a loop", "prime"]


def attributes(y):
    loops = torch.isin(y, torch.tensor([0, 6, 8, 9]))
    primes = torch.isin(y, torch.tensor([2, 3, 5, 7]))
    return torch.stack([y % 2 == 0, y > 5, loops, primes], 1).float()


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, len(NAMES)))
        self.criterion = nn.BCEWithLogitsLoss()

    def loss(self, x, t):
        return self.criterion(self.net(x), t)

    @torch.no_grad()
    def tag(self, x):
        return (torch.sigmoid(self.net(x)) > 0.5).float()


def f1(found, wanted):
    both = (found * wanted).sum(0)
    return 2 * both / (found.sum(0) + wanted.sum(0)).clamp(min=1)


torch.manual_seed(0)
bunch = load_digits()
x = torch.tensor(bunch.data / 16, dtype=torch.float32)
t = attributes(torch.tensor(bunch.target))
loader = DataLoader(TensorDataset(x[:1300], t[:1300]), batch_size=50, shuffle=True)
tagger = Tagger()
optimizer = torch.optim.Adam(tagger.parameters(), lr=3e-3)
for epoch in range(6):
    for xb, tb in loader:
        loss = tagger.loss(xb, tb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")
scores = f1(tagger.tag(x[1300:]), t[1300:])
for name, score in zip(NAMES, scores.tolist()):
    print(f"{name:12} F1 {score:.3f}")
print(f"macro F1 {scores.mean():.3f}")
