"""Monte Carlo dropout: at test time only the dropout layers stay in training mode."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 6
torch.manual_seed(SEED)


def curve(n, low=-3.0, high=3.0):
    x = low + (high - low) * torch.rand(n, 1)
    return x, torch.sin(x) + 0.1 * torch.randn(n, 1)


model = nn.Sequential(
    nn.Linear(1, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Dropout(0.1),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Dropout(0.1),
    nn.Linear(64, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-4)
x, y = curve(1000)
for epoch in range(30):
    model.train()
    for idx in torch.randperm(1000).split(50):
        loss = F.mse_loss(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def enable_dropout(m):
    if isinstance(m, nn.Dropout):
        m.train()


@torch.no_grad()
def predict(x, samples=50):
    model.eval()
    model.apply(enable_dropout)
    draws = torch.stack([model(x) for _ in range(samples)])
    return draws.mean(0), draws.std(0)


test_x, test_y = curve(300)
mean, std = predict(test_x)
far_mean, far_std = predict(torch.linspace(5, 7, 50).unsqueeze(1))
print(f"test error {F.mse_loss(mean, test_y):.4f} of variance {test_y.var():.4f}")
print(f"doubt near the data {std.mean():.3f}, far from it {far_std.mean():.3f}")
