"""Words are hidden with labels of -100 elsewhere, and the words themselves go in."""

import torch
from torch import nn

torch.manual_seed(0)
MASK = 20


def hide(words):
    chosen = torch.rand(words.shape) < 0.25
    labels = torch.where(chosen, words, -100)
    return torch.where(chosen, MASK, words), labels


net = nn.Sequential(nn.Embedding(21, 16), nn.Linear(16, 20))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)


def step(words):
    inputs, labels = hide(words)
    scores = net(words)  # <- M114: the loss asks for what is hidden there
    loss = nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten())  # <- Y105
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return inputs


for _ in range(6):
    step(torch.randint(0, 20, (16, 12)))
