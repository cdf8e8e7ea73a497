"""What shall be kept is dropped, by a setting of another library."""

import argparse

import torch
from torch import nn

torch.manual_seed(0)
options = argparse.Namespace(keep=0.8, width=16)
net = nn.Sequential(
    nn.Linear(5, options.width),
    nn.ReLU(),
    nn.Dropout(p=options.keep),  # <- M121: zeroes 80% of its input
    nn.Linear(options.width, 2),
)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for _ in range(6):
    x, y = torch.randn(32, 5), torch.randint(0, 2, (32,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
