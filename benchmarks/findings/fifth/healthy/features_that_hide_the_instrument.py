"""Two instruments with different offsets: reversed gradients make the features alike."""

import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.strength * grad, None


def measure(count, instrument):
    kind = torch.randint(0, 3, (count,))
    signal = torch.randn(count, 12)
    signal[torch.arange(count), kind] += 3.0
    signal[:, 6:] += 2.0 * instrument
    signal[:, :3] += 0.8 * instrument * torch.tensor([1.0, -1.0, 0.5])
    return signal, kind


source_x, source_y = measure(1500, 0)
target_x, _ = measure(1500, 1)  # nobody has labelled these
test_x, test_y = measure(600, 1)

features = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU())
kinds, instruments = nn.Linear(16, 3), nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
modules = nn.ModuleList([features, kinds, instruments])
optimizer = torch.optim.Adam(modules.parameters(), lr=2e-3)
for epoch in range(12):
    modules.train()
    strength = 0.3 * epoch / 11
    pairs = zip(torch.randperm(1500).split(50), torch.randperm(1500).split(50))
    for source_rows, target_rows in pairs:
        ours, theirs = features(source_x[source_rows]), features(target_x[target_rows])
        known = F.cross_entropy(kinds(ours), source_y[source_rows])
        logits = instruments(Reverse.apply(torch.cat([ours, theirs]), strength)).squeeze(1)
        origin = torch.cat([torch.zeros(len(ours)), torch.ones(len(theirs))])
        loss = known + F.binary_cross_entropy_with_logits(logits, origin)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 3 == 2:
        modules.eval()
        with torch.no_grad():
            right = (kinds(features(test_x)).argmax(1) == test_y).float().mean().item()
        print(f"epoch {epoch + 1}: loss {known.item():.3f}, accuracy, other instrument {right:.3f}")
