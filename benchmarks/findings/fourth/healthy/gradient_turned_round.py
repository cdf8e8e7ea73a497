import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy


class TurnRound(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.strength * grad, None


SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
d = load_digits()
order = torch.randperm(1797)
x, y = torch.tensor(d.data / 16).float()[order], torch.tensor(d.target)[order]
x_source, y_source = x[:700], y[:700]
x_target = (0.7 * x[700:1400] + 0.25).clamp(0, 1)  # another scanner, without labels
x_test, y_test = (0.7 * x[1400:] + 0.25).clamp(0, 1), y[1400:]

features = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
digit = nn.Linear(64, 10)
domain = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 2))
modules = nn.ModuleList([features, digit, domain])
optimizer = torch.optim.Adam(modules.parameters(), lr=2e-3)
where = torch.cat([torch.zeros(50), torch.ones(50)]).long()
for epoch in range(12):
    for a, b in zip(torch.randperm(700).split(50), torch.randperm(700).split(50)):
        f = features(torch.cat([x_source[a], x_target[b]]))
        digit_loss = cross_entropy(digit(f[:50]), y_source[a])
        domain_loss = cross_entropy(domain(TurnRound.apply(f, 0.2)), where)
        optimizer.zero_grad()
        (digit_loss + domain_loss).backward()
        optimizer.step()
    if epoch % 3 == 2:
        print(f"epoch {epoch}: digits {digit_loss.item():.3f} domain {domain_loss.item():.3f}")
with torch.no_grad():
    print("other scanner", (digit(features(x_test)).argmax(1) == y_test).float().mean().item())
