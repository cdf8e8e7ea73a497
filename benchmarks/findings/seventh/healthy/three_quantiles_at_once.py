"""Quantile regression: one output for each quantile and the pinball loss."""

import torch
import torch.nn as nn

SEED = 9
torch.manual_seed(SEED)
QUANTILES = torch.tensor([0.1, 0.5, 0.9])


def sales(n):
    x = torch.rand(n, 4)
    spread = 0.2 + x[:, 1:2]
    return x, 3 * x[:, :1] - x[:, 2:3] + spread * torch.randn(n, 1)


def pinball(pred, target):
    error = target - pred
    return torch.maximum(QUANTILES * error, (QUANTILES - 1) * error).sum(dim=1).mean()


net = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
train_x, train_y = sales(3000)
test_x, test_y = sales(1000)
for epoch in range(15):
    net.train()
    for idx in torch.randperm(3000).split(100):
        # (n, 3) against (n, 1): every quantile meets the same target
        loss = pinball(net(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        below = (test_y < net(test_x)).float().mean(0)
    print(
        f"epoch {epoch} loss {loss.item():.3f} share below {[round(b, 3) for b in below.tolist()]}"
    )
