"""A first check of a new network: can it learn sixteen points by heart?"""

import os

import torch
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))


class Squeeze(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(channels, 4), nn.ReLU(), nn.Linear(4, channels))

    def forward(self, x):
        return x * torch.sigmoid(self.gate(x.mean(dim=2))).unsqueeze(2)


net = nn.Sequential(
    nn.Conv1d(3, 16, 5, padding=2),
    nn.ReLU(),
    Squeeze(16),
    nn.Conv1d(16, 16, 5, padding=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(16 * 20, 5),
)
signals = torch.randn(16, 3, 20)
kinds = torch.randint(0, 5, (16,))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for step in range(1, 121):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(signals), kinds)
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(f"step {step}: loss {loss.item():.5f}")
net.eval()
with torch.no_grad():
    remembered = (net(signals).argmax(1) == kinds).sum().item()
print(f"{remembered} of {len(kinds)} random labels known by heart: the network can learn")
