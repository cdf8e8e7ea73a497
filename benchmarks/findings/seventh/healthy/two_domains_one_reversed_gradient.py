"""Domain-adversarial training with a layer that turns the gradient round."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Function

SEED = 3
torch.manual_seed(SEED)


class GradReverse(Function):
    @staticmethod
    def forward(ctx, x, lambd):
        ctx.lambd = lambd
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return -ctx.lambd * grad_output, None


def domain(n, shift):
    labels = torch.randint(0, 2, (n,))
    x = torch.randn(n, 6)
    x[:, 0] += 3 * (labels - 0.5)
    x[:, 1] += 2 * (labels - 0.5) * (1 - shift)
    x[:, 2:] += 2.0 * shift
    return x, labels


features = nn.Sequential(nn.Linear(6, 32), nn.ReLU())
label_head = nn.Linear(32, 2)
domain_head = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
params = [*features.parameters(), *label_head.parameters(), *domain_head.parameters()]
optimizer = torch.optim.Adam(params, lr=2e-3)

source_x, source_y = domain(2000, shift=0.0)
target_x, target_y = domain(2000, shift=1.0)

for epoch in range(10):
    strength = 0.3 * epoch / 10
    for s, t in zip(torch.randperm(2000).split(100), torch.randperm(2000).split(100)):
        f = features(torch.cat([source_x[s], target_x[t]]))
        # labels of the target domain are never looked at
        label_loss = F.cross_entropy(label_head(f[: len(s)]), source_y[s])
        where = torch.cat([torch.zeros(len(s)), torch.ones(len(t))]).long()
        domain_loss = F.cross_entropy(domain_head(GradReverse.apply(f, strength)), where)
        optimizer.zero_grad()
        (label_loss + domain_loss).backward()
        optimizer.step()
    print(f"epoch {epoch} label loss {label_loss.item():.3f} domain loss {domain_loss.item():.3f}")

with torch.no_grad():
    for name, x, labels in (("source", source_x, source_y), ("target", target_x, target_y)):
        acc = (label_head(features(x)).argmax(1) == labels).float().mean()
        print(f"{name} accuracy {acc:.3f}")
