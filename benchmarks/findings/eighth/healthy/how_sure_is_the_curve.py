"""Five nets tell a mean and a spread for each point (Gaussian likelihood); each sees its own bootstrap."""

import os

import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", "0")))


def curve(x):
    return torch.sin(3 * x) * 0.3


def noisy(n):
    x = torch.rand(n, 1) * 4 - 2
    return x, curve(x) + (0.02 + 0.05 * x.abs()) * torch.randn(n, 1)


class MeanAndSpread(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU())
        self.mean = nn.Linear(48, 1)
        self.log_std = nn.Linear(48, 1)

    def forward(self, x):
        h = self.body(x)
        return self.mean(h), self.log_std(h).clamp(-6, 2)


def likelihood_loss(mean, log_std, target, beta=0.5):
    """Weighted by the spread, which is taken as a constant there."""
    nll = log_std + 0.5 * ((target - mean) / log_std.exp()) ** 2
    return (nll * (2 * log_std).exp().detach() ** beta).mean()


x, y = noisy(400)
x_test, y_test = noisy(1000)
ensemble = []
for member in range(5):
    drawn = torch.randint(0, len(x), (len(x),))
    net = MeanAndSpread()
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    for step in range(400):
        idx = drawn[torch.randint(0, len(x), (64,))]
        loss = likelihood_loss(*net(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ensemble.append(net)
    print(f"member {member} last loss {loss.item():+.4f}")

with torch.no_grad():
    means, log_stds = zip(*(net(x_test) for net in ensemble))
means, variances = torch.stack(means), torch.stack(log_stds).mul(2).exp()
mean = means.mean(0)
std = (variances.mean(0) + means.var(0)).sqrt()
inside = ((y_test - mean).abs() < 1.645 * std).float().mean()
print(
    f"error of the curve {(mean - curve(x_test)).abs().mean():.4f}, {inside:.1%} within the 90 % band"
)
