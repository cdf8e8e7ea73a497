# ruff: noqa
import random

import torch
from torch import nn
from torch.nn import functional as F

random.seed(0)
torch.manual_seed(0)
ROOMS = 6


def walk(room, action):
    """Ends at the last room."""
    room = min(ROOMS - 1, max(0, room + (1 if action else -1)))
    return room, float(room == ROOMS - 1), room == ROOMS - 1


def see(room):
    return F.one_hot(torch.as_tensor(room), ROOMS).float()


values = nn.Linear(ROOMS, 1)
optimizer = torch.optim.SGD(values.parameters(), lr=0.05)
for episode in range(12):
    room, done = 2, False
    while not done:
        following, reward, done = walk(room, random.random() < 0.7)
        with torch.no_grad():
            wanted = reward + 0.9 * values(see(following))  # <- Q101
        loss = (values(see(room)) - wanted).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        room = following
