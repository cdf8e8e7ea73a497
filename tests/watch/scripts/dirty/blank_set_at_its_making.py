"""The blank is given where the criterion is built, and is a letter of the targets."""

import torch
from torch import nn

torch.manual_seed(0)
LETTERS = 5


def build():
    net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, LETTERS + 1))
    return net, nn.CTCLoss(blank=2, zero_infinity=True)  # <- L112: class 2, which is the blank


net, criterion = build()
optimizer = torch.optim.Adam(net.parameters())
for _ in range(6):
    frames, letters = torch.randn(12, 8, 4), torch.randint(1, LETTERS + 1, (8, 3))
    scores = net(frames).log_softmax(2)
    loss = criterion(scores, letters, torch.full((8,), 12), torch.full((8,), 3))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
