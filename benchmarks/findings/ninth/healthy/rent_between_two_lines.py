import os

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
QUANTILES = torch.tensor([0.1, 0.5, 0.9])


def flats(n, generator):
    size = torch.rand(n, 1, generator=generator) * 2 - 1
    rooms = torch.randint(1, 6, (n, 1), generator=generator).float() / 3 - 1
    noise = torch.randn(n, 1, generator=generator) * (0.15 + 0.25 * (size + 1))
    rent = 1.5 * size + 0.4 * rooms + noise
    return torch.cat([size, rooms], dim=1), rent


class PinballLoss(nn.Module):
    def forward(self, predicted, target):
        # three lines against the one rent of each flat
        difference = target - predicted
        return torch.maximum(QUANTILES * difference, (QUANTILES - 1) * difference).mean()


class ThreeLines(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.middle = nn.Linear(32, 1)
        self.width = nn.Linear(32, 2)

    def forward(self, x):
        h = self.body(x)
        middle = self.middle(h)
        below, above = nn.functional.softplus(self.width(h)).split(1, dim=1)
        return torch.cat([middle - below, middle, middle + above], dim=1)


def main():
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    loader = DataLoader(TensorDataset(*flats(2000, generator)), batch_size=64, shuffle=True)
    x_test, y_test = flats(1000, generator)

    model, criterion = ThreeLines(), PinballLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(12):
        total = 0.0
        for x, rent in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), rent)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} pinball {total / len(loader.dataset):.4f}")

    with torch.no_grad():
        lines = model(x_test)
        print("share below each line", (y_test < lines).float().mean(dim=0).tolist())


main()
