"""Three tasks on one trunk; each loss has a learned weight, and some targets are missing."""

import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", "0")))


def houses(n):
    x = torch.randn(n, 10)
    price = 300 + 80 * x[:, 0] + 40 * torch.relu(x[:, 1]) + 5 * torch.randn(n)
    kind = (x[:, 2] + x[:, 3] > 0).long() + (x[:, 2] - x[:, 3] > 1).long()
    sold = (x[:, 0] * x[:, 4] > 0).float()
    price[torch.rand(n) < 0.3] = float("nan")
    return x, price, kind, sold


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.price, self.kind, self.sold = nn.Linear(32, 1), nn.Linear(32, 3), nn.Linear(32, 1)
        self.log_variance = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        h = self.trunk(x)
        return self.price(h).squeeze(1), self.kind(h), self.sold(h).squeeze(1)


def losses_of(model, x, price, kind, sold, mean, std):
    out_price, out_kind, out_sold = model(x)
    known = ~price.isnan()
    return torch.stack(
        [
            F.mse_loss(out_price[known], (price[known] - mean) / std),
            F.cross_entropy(out_kind, kind),
            F.binary_cross_entropy_with_logits(out_sold, sold),
        ]
    )


train, test = houses(2000), houses(1000)
known_prices = train[1][~train[1].isnan()]
mean, std = known_prices.mean(), known_prices.std()
model = MultiTask()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(15):
    model.train()
    for batch in DataLoader(TensorDataset(*train), batch_size=64, shuffle=True):
        losses = losses_of(model, *batch, mean, std)
        loss = ((-model.log_variance).exp() * losses + model.log_variance).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        x, price, kind, sold = test
        out_price, out_kind, out_sold = model(x)
        known = ~price.isnan()
        error = (out_price * std + mean - price)[known].abs().mean()
        kind_acc = (out_kind.argmax(1) == kind).float().mean()
        sold_acc = ((out_sold > 0).float() == sold).float().mean()
    if epoch % 3 == 2:
        print(
            f"epoch {epoch + 1:2d} loss {loss.item():+.3f} price off by {error:.1f} "
            f"kind {kind_acc:.3f} sold {sold_acc:.3f}"
        )
