import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)


def toy_data(n):
    # angle in degrees: for every position there are up to three answers
    angle = torch.rand(n, 1) * 60 - 30
    t = angle / 30
    position = t + 0.6 * torch.sin(2 * math.pi * t) + 0.05 * torch.randn(n, 1)
    return position, angle


class MixtureDensityNetwork(nn.Module):
    def __init__(self, hidden=32, components=5):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh()
        )
        self.pi = nn.Linear(hidden, components)
        self.mu = nn.Linear(hidden, components)
        self.log_sigma = nn.Linear(hidden, components)

    def forward(self, x):
        h = self.body(x)
        sigma = torch.exp(self.log_sigma(h).clamp(min=-1.0))
        return torch.log_softmax(self.pi(h), dim=1), self.mu(h), sigma


def negative_log_likelihood(log_pi, mu, sigma, y):
    log_prob = -0.5 * ((y - mu) / sigma) ** 2 - torch.log(sigma) - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(log_pi + log_prob, dim=1).mean()


train_loader = DataLoader(TensorDataset(*toy_data(1200)), batch_size=64, shuffle=True)
x_test, y_test = toy_data(400)

model = MixtureDensityNetwork()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(1, 31):
    total, seen = 0.0, 0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = negative_log_likelihood(*model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        seen += len(x)
    if epoch % 5 == 0:
        print(f"epoch {epoch:2d}  nll {total / seen:.4f}")

with torch.no_grad():
    log_pi, mu, sigma = model(x_test)
    print(f"test nll {negative_log_likelihood(log_pi, mu, sigma, y_test).item():.4f}")
    likeliest = mu.gather(1, log_pi.argmax(1, keepdim=True))
    back = likeliest / 30 + 0.6 * torch.sin(2 * math.pi * likeliest / 30)
    print(f"mean distance of the reached position {(back - x_test).abs().mean().item():.4f}")
